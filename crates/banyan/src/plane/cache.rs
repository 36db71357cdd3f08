//! Between the gateway's words for the cache and the control plane's.

use banyan_control::{CacheStatus, CachedAnswer, Purge, SecondStatus, WarmProgress, WarmRefused};
use banyan_state::{CacheUrl, HotUrl};

pub(super) fn status(report: banyan_gateway::CacheReport) -> CacheStatus {
    let second =
        |second: banyan_gateway::SecondReport| SecondStatus { counts: second.counts, queued: second.queued };
    CacheStatus {
        memory: report.memory,
        used: report.used,
        items: report.items,
        evictions: report.evictions,
        stored: report.stored,
        fetches: report.fetches,
        held: report.held,
        invalidated: report.invalidated,
        second: report.second.map(second),
    }
}

pub(super) fn answer(answer: banyan_gateway::CachedAnswer) -> CachedAnswer {
    CachedAnswer {
        url: answer.url,
        upstream: answer.upstream,
        status: answer.status,
        kind: answer.kind,
        missing: answer.missing,
        age: answer.age,
        ttl: answer.ttl,
        took: answer.took,
        weight: answer.weight,
        body: answer.body,
        vary: answer.vary,
        headers: answer.headers,
    }
}

pub(super) fn purge(purge: &Purge) -> banyan_gateway::Purge {
    match purge {
        Purge::Url(url) => banyan_gateway::Purge::Url { host: url.host.clone(), target: url.target.clone() },
        Purge::Tag(tag) => banyan_gateway::Purge::Tag(tag.clone()),
        Purge::Pattern(pattern) => banyan_gateway::Purge::Pattern(pattern.clone()),
        Purge::All => banyan_gateway::Purge::All,
    }
}

pub(super) fn url(url: CacheUrl) -> banyan_gateway::CacheUrl {
    let CacheUrl { host, target, secure } = url;
    banyan_gateway::CacheUrl { host, target, secure }
}

pub(super) fn hot_url(hot: banyan_gateway::HotUrl) -> HotUrl {
    let banyan_gateway::CacheUrl { host, target, secure } = hot.url;
    HotUrl { url: CacheUrl { host, target, secure }, count: hot.count }
}

pub(super) const fn refused(refused: banyan_gateway::WarmRefused) -> WarmRefused {
    match refused {
        banyan_gateway::WarmRefused::NoCache => WarmRefused::NoCache,
        banyan_gateway::WarmRefused::Busy => WarmRefused::Busy,
        banyan_gateway::WarmRefused::Draining => WarmRefused::Draining,
    }
}

pub(super) const fn progress(progress: banyan_gateway::WarmProgress) -> WarmProgress {
    let banyan_gateway::WarmProgress { total, done, failed, skipped, running } = progress;
    WarmProgress { total, done, failed, skipped, running }
}
