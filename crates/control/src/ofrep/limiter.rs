//! How often applications may ask: so often in all, and when that gets scarce, each its fair share.
//!
//! Two kinds of token buckets. One is for all; while it is more than half full nobody is short, and who asks a lot may.
//! Below that, a client also needs a token of its own bucket, which fills at the rate divided by the clients of the last
//! second. So one application that runs wild takes what the others leave, and never what they need. A client's own bucket
//! holds half a second of its share, so that all of them together cannot empty the lower half of the common one at once.
//!
//! Memory is bounded: clients are hashed to a fixed number of slots under a secret. Two that meet in a slot share a share.

use std::{
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    time::Duration,
};

use tokio::time::Instant;

/// Slots, of 24 bytes each.
const SLOTS: usize = 4096;
/// Clients are counted anew after this time.
const WINDOW: Duration = Duration::from_secs(1);

/// Who may ask now.
#[derive(Debug)]
pub(super) struct Limiter {
    /// Tokens of the common bucket; `None` before the first request, which finds it full.
    common: Option<(f64, Instant)>,
    slots: Box<[Slot]>,
    secret: RandomState,
    window: u64,
    began: Option<Instant>,
    /// Clients seen in this window, and in the one before.
    clients: u32,
    before: u32,
}

/// One client's bucket, or that of several.
#[derive(Clone, Copy, Debug)]
struct Slot {
    tokens: f64,
    at: Option<Instant>,
    /// The last window it was seen in, from 1; 0: never.
    window: u64,
}

impl Limiter {
    pub(super) fn new() -> Self {
        let slot = Slot { tokens: 0.0, at: None, window: 0 };
        Self {
            common: None,
            slots: vec![slot; SLOTS].into_boxed_slice(),
            secret: RandomState::new(),
            window: 0,
            began: None,
            clients: 0,
            before: 0,
        }
    }

    /// Takes a token for a client, at `rate` requests a second in all.
    ///
    /// # Errors
    /// How long to wait for one.
    pub(super) fn admit(&mut self, client: IpAddr, rate: u32, now: Instant) -> Result<(), Duration> {
        let rate = f64::from(rate.max(1));
        let index = self.index(client);
        self.see(index, now);
        let share = rate / f64::from(self.clients.max(self.before).max(1));
        let common = match self.common {
            None => rate,
            Some((tokens, at)) => filled(tokens, now.saturating_duration_since(at), rate, rate),
        };
        self.common = Some((common, now));
        let Some(slot) = self.slots.get_mut(index) else { return Ok(()) };
        let room = (share / 2.0).max(1.0);
        let own = match slot.at {
            None => room,
            Some(at) => filled(slot.tokens, now.saturating_duration_since(at), share, room),
        };
        (slot.tokens, slot.at) = (own, Some(now));
        if common < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - common) / rate));
        }
        // Who is alone leaves nothing to anybody.
        if own < 1.0 && common < rate / 2.0 && share < rate {
            return Err(Duration::from_secs_f64((1.0 - own) / share));
        }
        slot.tokens = (own - 1.0).max(0.0);
        self.common = Some((common - 1.0, now));
        Ok(())
    }

    /// Counts the clients of this window.
    fn see(&mut self, index: usize, now: Instant) {
        let began = *self.began.get_or_insert(now);
        let window = now.saturating_duration_since(began).as_secs() / WINDOW.as_secs() + 1;
        if window != self.window {
            self.before = if window == self.window + 1 { self.clients } else { 0 };
            (self.window, self.clients) = (window, 0);
        }
        if let Some(slot) = self.slots.get_mut(index).filter(|slot| slot.window != window) {
            slot.window = window;
            self.clients += 1;
        }
    }

    /// The slot of a client. A network of IPv6 is one client, since every host in it has more addresses than there are
    /// slots.
    fn index(&self, client: IpAddr) -> usize {
        let network = match client.to_canonical() {
            IpAddr::V4(address) => u64::from(address.to_bits()),
            IpAddr::V6(address) => (address.to_bits() >> 64) as u64 | 1 << 63,
        };
        usize::try_from(self.secret.hash_one(network) % SLOTS as u64).unwrap_or_default()
    }
}

/// Tokens after a while, up to `most`.
fn filled(tokens: f64, passed: Duration, rate: f64, most: f64) -> f64 {
    (tokens + passed.as_secs_f64() * rate).min(most)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const RATE: u32 = 100;

    fn client(number: u8) -> IpAddr {
        IpAddr::V4(Ipv4Addr::new(10, 0, 0, number))
    }

    /// How many of each client's requests pass in ten seconds, when they ask so often a second, evenly.
    fn passed(asked: &[u32]) -> Vec<u32> {
        let (mut limiter, start) = (Limiter::new(), Instant::now());
        let mut events: Vec<_> = (0..)
            .zip(asked)
            .flat_map(|(who, &often)| (0..often * 10).map(move |n| (f64::from(n) / f64::from(often), who)))
            .collect();
        events.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut passed = vec![0; asked.len()];
        for (at, who) in events {
            let now = start + Duration::from_secs_f64(at);
            passed[usize::from(who)] += u32::from(limiter.admit(client(who), RATE, now).is_ok());
        }
        passed
    }

    #[test]
    fn one_client_alone_gets_all_there_is() {
        let all = passed(&[1_000])[0];
        // Ten seconds, and the bucket that was full at first.
        assert!((1_090..=1_101).contains(&all), "{all}");
        assert_eq!(passed(&[90]), [900]);
    }

    #[test]
    fn who_asks_for_less_than_a_fair_share_is_never_refused() {
        let passed = passed(&[5_000, 20, 24, 1]);
        assert_eq!(passed[1..], [200, 240, 10]);
        // What they leave is the wild one's.
        assert!(passed[0] > 300, "{passed:?}");
        assert!(passed.iter().sum::<u32>() <= 1_101, "{passed:?}");
    }

    #[test]
    fn who_asks_for_too_much_gets_what_the_others_like_them_get() {
        let passed = passed(&[800, 900, 1_000]);
        let (least, most) = (passed.iter().min().unwrap(), passed.iter().max().unwrap());
        assert!(f64::from(*most) < f64::from(*least) * 1.25, "{passed:?}");
    }

    #[test]
    fn a_wait_leads_to_a_token() {
        let (mut limiter, now) = (Limiter::new(), Instant::now());
        assert!((0..RATE).all(|_| limiter.admit(client(1), RATE, now).is_ok()));
        let wait = limiter.admit(client(1), RATE, now).unwrap_err();
        assert!(wait > Duration::ZERO && wait <= Duration::from_millis(11), "{wait:?}");
        assert!(limiter.admit(client(1), RATE, now + wait + Duration::from_micros(1)).is_ok());
    }

    #[test]
    fn a_network_is_one_client_and_a_mapped_address_the_one_it_maps() {
        let limiter = Limiter::new();
        let index = |text: &str| limiter.index(text.parse().unwrap());
        assert_eq!(index("2001:db8::1"), index("2001:db8::ffff"));
        assert_eq!(index("::ffff:10.0.0.1"), index("10.0.0.1"));
    }
}
