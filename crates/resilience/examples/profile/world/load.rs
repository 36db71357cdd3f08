//! Callers that ask for profiles.

use std::{net::SocketAddr, time::Duration};

use banyan_resilience::Dice;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{
    client,
    data::USERS,
    figures::Figures,
    judge::{Ending, judge},
    question::Question,
};

/// When callers give up. Three late answers one after the other take 15 s.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests at even intervals, whether earlier ones were answered or not: callers out there do not wait for each other, so
/// a service that is slow gets no fewer of them (an open loop).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// How many requests.
    pub(crate) requests: u32,
    /// How many of them each second, at least 1.
    pub(crate) per_second: u32,
    /// Decides which user each request is about.
    pub(crate) seed: u64,
}

impl Load {
    /// Asks a service, and waits until every request has ended.
    pub(crate) async fn run(self, service: SocketAddr) -> Figures {
        let (begin, dice) = (Instant::now(), Dice::seeded(self.seed));
        let mut asking = JoinSet::new();
        for number in 0..self.requests {
            let due = begin + Duration::from_secs(1) * number / self.per_second.max(1);
            let id = u32::try_from(dice.number() % u64::from(USERS)).map_or(1, |index| index + 1);
            asking.spawn(ask(service, id, u64::from(number), due));
        }
        let mut figures = Figures::default();
        while let Some(ended) = asking.join_next().await {
            let (ending, took) = ended.unwrap_or((Ending::Failed, PATIENCE));
            figures.add(ending, took);
        }
        figures
    }
}

/// Times count from when a request was due, so that nobody looks fast by holding up its callers.
async fn ask(service: SocketAddr, id: u32, number: u64, due: Instant) -> (Ending, Duration) {
    sleep_until(due).await;
    let path = format!("/profiles/{id}");
    let answer = client::get(service, &path, Question::first(number));
    let ending = match timeout(PATIENCE, answer).await {
        Ok(Ok(answer)) => judge(id, answer.status, &answer.body),
        Ok(Err(_)) | Err(_) => Ending::Failed,
    };
    (ending, due.elapsed())
}
