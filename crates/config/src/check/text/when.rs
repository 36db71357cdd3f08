//! Moments and delays.

use std::{ops::RangeInclusive, time::Duration};

use crate::{
    plan::HedgeAfter,
    read::{self, FromText},
    report::Complaint,
};

const SHORTEST: Duration = Duration::from_millis(1);
/// Whatever waits for longer has given up before.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

impl FromText for HedgeAfter {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let Some(number) = text.strip_prefix('p') else {
            return read::duration(text, SHORTEST, LONGEST).map(Self::Fixed);
        };
        if !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
            return Err(Complaint::new("write p and a number").hint("for example p95 or p99.9"));
        }
        let quantile = read::percent(&format!("{number}%")).ok();
        let quantile = quantile.filter(|quantile| (5_000..=9_990).contains(&quantile.basis_points()));
        quantile.map(Self::Quantile).ok_or_else(|| {
            Complaint::new("it lies between p50 and p99.9, in steps of 0.01")
                .hint("below p50 most calls would be made twice, above p99.9 next to none")
        })
    }
}

/// How long something is delayed, from and to.
pub(crate) struct Delay(pub(crate) RangeInclusive<Duration>);

impl FromText for Delay {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let (short, long) = text.split_once("..").unwrap_or((text, text));
        let from = read::duration(short, SHORTEST, LONGEST)?;
        let to = read::duration(long, SHORTEST, LONGEST)?;
        if from > to {
            return Err(Complaint::new("the shorter one comes first").hint(format!("write {long}..{short}")));
        }
        Ok(Self(from..=to))
    }
}
