//! What holds for the whole process.

use std::{num::NonZeroUsize, path::Path, sync::Arc};

use ipnet::IpNet;

use super::text::{address::Network, file::AccessFile, log::LogFilter, node::NodeName, url::Collector};
use crate::{
    plan::{AccessLog, Environment, Limits, Log, Otlp, ShadowLimits, Timeouts},
    read::Fields,
    report::Read,
};

pub(super) fn node(root: &Fields<'_>) -> Read<Option<Arc<str>>> {
    Ok(root.maybe_text::<NodeName>("node")?.map(|name| name.value.0.into()))
}

pub(super) fn environment(word: &str) -> Environment {
    match word {
        "development" => Environment::Development,
        "staging" => Environment::Staging,
        _ => Environment::Production,
    }
}

pub(super) fn workers(root: &Fields<'_>) -> Read<Option<NonZeroUsize>> {
    Ok(root.maybe::<usize>("workers")?.and_then(|workers| NonZeroUsize::new(workers.value)))
}

pub(super) fn trusted_proxies(root: &Fields<'_>) -> Read<Vec<IpNet>> {
    let (networks, whole) = root.texts::<Network>("trusted_proxies");
    whole.map(|()| networks.into_iter().map(|network| network.value.0).collect())
}

pub(super) fn limits(fields: &Fields<'_>) -> Read<Limits> {
    let (head, uri) = (fields.get("head"), fields.placed::<usize>("uri"));
    if let (Ok(head), Ok(uri)) = (head, &uri)
        && uri.value > head
    {
        let hint = "raise 'head' or lower 'uri': the target is a part of the head".to_owned();
        fields.problems().add(uri.span, "uri is larger than head", Some(hint));
    }
    Ok(Limits {
        head: head?,
        uri: uri?.value,
        headers: fields.get("headers")?,
        body: fields.maybe("body")?.map(|body| body.value),
        connections: fields.get("connections")?,
        hops: fields.get("hops")?,
    })
}

pub(super) fn timeouts(fields: &Fields<'_>) -> Read<Timeouts> {
    Ok(Timeouts {
        head: fields.get("head")?,
        keep_alive: fields.get("keep_alive")?,
        body: fields.get("body")?,
        write: fields.get("write")?,
        tunnel: fields.get("tunnel")?,
        drain: fields.get("drain")?,
    })
}

pub(super) fn log(fields: &Fields<'_>, base: &Path) -> Read<Log> {
    let (level, access) = (fields.text::<LogFilter>("level"), fields.text::<AccessFile>("access"));
    let access = match access?.value {
        AccessFile::Off => AccessLog::Off,
        AccessFile::Stdout => AccessLog::Stdout,
        AccessFile::File(path) => AccessLog::File(path.below(base)),
    };
    Ok(Log { level: level?.value.0, access })
}

pub(super) fn otlp(fields: &Fields<'_>) -> Read<Otlp> {
    let endpoint = fields.text::<Collector>("endpoint");
    Ok(Otlp { sample: fields.get("sample")?, endpoint: endpoint?.value.0 })
}

pub(super) fn shadow(fields: &Fields<'_>) -> Read<ShadowLimits> {
    Ok(ShadowLimits {
        concurrency: fields.get("concurrency")?,
        queue: fields.get("queue")?,
        body: fields.get("body")?,
        timeout: fields.get("timeout")?,
    })
}
