//! One thread that looks after a database and its callers.
//!
//! It looks every 150 us instead of waiting for events: a wake-up for each of some thousand events a second would cost
//! more than the work it announces, and nothing here is due more exactly than that. The database keeps exact time
//! in between (see [`super::database`]).

use std::{
    io::ErrorKind,
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use mio::{Events, Poll};

use super::{
    callers::Callers,
    database::Health,
    stub::{Counts, Stub},
    token::{self, Part},
};
use crate::poll;

/// Pause between two looks; the kernel adds some 50 us.
const PAUSE: Duration = Duration::from_micros(150);
/// Most events handled at once: when a process goes, thousands of connections end in one moment, and closing them all
/// before anything else would hold up everybody's requests for tens of milliseconds.
const EVENTS: usize = 256;
/// Most bytes read at once.
const BUFFER: usize = 64 * 1024;

/// The event queue, the database, and who asks.
pub(crate) struct Rig {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    stub: Stub,
    callers: Option<Callers>,
}

impl Rig {
    /// A database that is well, and nobody who asks.
    ///
    /// # Errors
    /// When the stub cannot listen.
    pub(crate) fn new() -> anyhow::Result<Self> {
        let poll = Poll::new()?;
        let stub = Stub::open(poll.registry(), Instant::now())?;
        Ok(Self { poll, events: Events::with_capacity(EVENTS), buffer: vec![0; BUFFER], stub, callers: None })
    }

    /// Where the database is asked.
    pub(crate) fn address(&self) -> SocketAddr {
        self.stub.address()
    }

    /// Serves the database in a thread of its own while `work` is done: systems ask it when they start.
    ///
    /// # Errors
    /// As [`Self::turn`].
    pub(crate) fn serve_during<T>(&mut self, work: impl FnOnce() -> T) -> anyhow::Result<T> {
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let served = scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    self.turn()?;
                }
                anyhow::Ok(())
            });
            let done = work();
            stop.store(true, Ordering::Relaxed);
            served.join().map_err(|_| anyhow::anyhow!("the rig's thread panicked"))??;
            Ok(done)
        })
    }

    /// Lets callers ask from now on. What the database saw before is forgotten.
    pub(crate) fn call(&mut self, callers: Callers) {
        self.stub.take_counts();
        self.callers = Some(callers);
    }

    /// Who asks.
    pub(crate) fn callers(&mut self) -> Option<&mut Callers> {
        self.callers.as_mut()
    }

    /// The callers, after all is over.
    pub(crate) fn into_callers(self) -> Option<Callers> {
        self.callers
    }

    /// What the database saw since the last call.
    pub(crate) fn take_counts(&mut self) -> Counts {
        self.stub.take_counts()
    }

    /// Lets a moment pass, and handles what happened meanwhile.
    ///
    /// # Errors
    /// When the event queue fails or this process has too many files open.
    pub(crate) fn turn(&mut self) -> anyhow::Result<()> {
        poll::pause(PAUSE);
        if let Err(error) = self.poll.poll(&mut self.events, Some(Duration::ZERO))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error.into());
        }
        for event in &self.events {
            match (token::parse(event.token()), &mut self.callers) {
                ((Part::Listener, _), _) => self.stub.accept(self.poll.registry())?,
                ((Part::Query, key), _) => self.stub.ready(key, &mut self.buffer, Instant::now()),
                ((Part::Caller, key), Some(callers)) => callers.ready(key, &mut self.buffer),
                ((Part::Caller, _), None) => {}
            }
        }
        self.stub.advance(Instant::now());
        if let Some(callers) = &mut self.callers {
            callers.advance(self.poll.registry());
        }
        Ok(())
    }

    /// Makes the database well, slow or dead, unless it is so already.
    ///
    /// # Errors
    /// When the stub cannot listen again.
    pub(crate) fn set_health(&mut self, health: Health) -> anyhow::Result<()> {
        if self.stub.health() == health {
            return Ok(());
        }
        self.stub.set_health(health, self.poll.registry(), Instant::now())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpStream,
    };

    use super::*;
    use crate::{client, origin};

    #[test]
    fn a_database_that_is_well_answers_and_counts() {
        let mut rig = Rig::new().unwrap();
        let address = rig.address();
        let checked = rig.serve_during(|| client::check(address, "/users/1/posts", &[], &origin::BODY));
        checked.unwrap().unwrap();
        let counts = rig.take_counts();
        assert_eq!((counts.arrived, counts.peak), (2, 1));
        assert_eq!(rig.take_counts().arrived, 0);
    }

    #[test]
    fn a_dead_database_refuses_connections() {
        let mut rig = Rig::new().unwrap();
        let address = rig.address();
        rig.set_health(Health::Dead).unwrap();
        assert!(rig.serve_during(|| TcpStream::connect(address)).unwrap().is_err());
        rig.set_health(Health::Well).unwrap();
        assert!(rig.serve_during(|| TcpStream::connect(address)).unwrap().is_ok());
    }

    #[test]
    fn a_query_goes_on_after_its_caller_has_left() {
        let mut rig = Rig::new().unwrap();
        let address = rig.address();
        rig.set_health(Health::Slow(1000)).unwrap();
        rig.serve_during(|| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            drop(stream);
            // A second one gets no answer while it waits, and has arrived by then.
            let mut second = TcpStream::connect(address).unwrap();
            second.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            second.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
            assert!(second.read(&mut [0; 1]).is_err());
        })
        .unwrap();
        assert_eq!(rig.take_counts().peak, 2);
    }
}
