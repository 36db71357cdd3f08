//! Hearing what other nodes invalidate, so that what is kept in memory goes too.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt as _;
use redis::{
    Msg, Value,
    aio::{PubSubSink, PubSubStream},
};
use tokio::time::{Instant, sleep_until, timeout};

use crate::{invalidation::Invalidation, line::OPEN_WITHIN, shared::Shared};

/// How often silence is checked: a host that is gone never says so.
const PING_EVERY: Duration = Duration::from_secs(3);
/// How long a lost connection is left alone at first, and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a node should do.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Notice {
    /// Drop what is no longer true: another node says so.
    Invalidated(Invalidation),
    /// What this level itself has said comes back. By now Redis knows it. Whoever dropped what it means when they said it
    /// has nothing left to do, and may since have kept what is true again.
    Echo(Invalidation),
    /// Some may not have been heard: drop everything that has tags, or ask anew before it is used. It comes whenever a
    /// subscription begins, the first time too, since it is heard only from then on.
    Missed,
}

/// What is invalidated in the namespace. It opens its connection when it is first asked, and again whenever that is lost.
/// It must be asked all the time: what is not fetched waits in memory.
pub struct Subscription {
    shared: Arc<Shared>,
    link: Option<Link>,
    /// Not to be opened again before.
    open_at: Instant,
    pause: Duration,
}

struct Link {
    sink: PubSubSink,
    messages: PubSubStream,
    ping_at: Instant,
}

/// What a link brought.
enum Heard {
    Message(Msg),
    Silence,
    End,
}

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, link: None, open_at: Instant::now(), pause: FIRST_PAUSE }
    }

    /// The next notice. It waits for as long as there is none, also while Redis is away. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Notice {
        loop {
            let Some(link) = &mut self.link else {
                sleep_until(self.open_at).await;
                if self.open().await {
                    return Notice::Missed;
                }
                continue;
            };
            match link.hear().await {
                Heard::Message(message) => {
                    // What is not understood may have been said by a newer version, and meant something.
                    return match Invalidation::decode(message.get_payload_bytes()) {
                        Some((origin, said)) if origin == self.shared.origin => Notice::Echo(said),
                        Some((_, said)) => Notice::Invalidated(said),
                        None => Notice::Missed,
                    };
                }
                Heard::Silence => {
                    if !link.is_alive().await {
                        self.lose();
                    }
                }
                Heard::End => self.lose(),
            }
        }
    }

    async fn open(&mut self) -> bool {
        match timeout(OPEN_WITHIN, Link::open(&self.shared)).await {
            Ok(Ok(link)) => {
                self.link = Some(link);
                self.pause = FIRST_PAUSE;
                true
            }
            Ok(Err(_)) | Err(_) => {
                self.lose();
                false
            }
        }
    }

    fn lose(&mut self) {
        self.link = None;
        // Half of it is chance: all nodes lose theirs at the same moment.
        self.open_at = Instant::now() + self.pause / 2 + self.shared.dice.up_to(self.pause / 2);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Link {
    async fn open(shared: &Shared) -> Result<Self, redis::RedisError> {
        let mut connection = shared.settings.client.get_async_pubsub().await?;
        connection.subscribe(&shared.names.channel).await?;
        let (sink, messages) = connection.split();
        Ok(Self { sink, messages, ping_at: Instant::now() + PING_EVERY })
    }

    async fn hear(&mut self) -> Heard {
        tokio::select! {
            message = self.messages.next() => message.map_or(Heard::End, Heard::Message),
            () = sleep_until(self.ping_at) => Heard::Silence,
        }
    }

    async fn is_alive(&mut self) -> bool {
        let answered = timeout(OPEN_WITHIN, self.sink.ping::<Value>()).await;
        self.ping_at = Instant::now() + PING_EVERY;
        matches!(answered, Ok(Ok(_)))
    }
}
