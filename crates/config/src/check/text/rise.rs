//! How much more something may be.

use crate::{read::FromText, report::Complaint};

/// A hundred times as much and more is no limit.
const MAX: u32 = 1_000_000;

/// `+30%`: a share of what it is compared with, in hundredths of a percent, at most +10000 %.
#[derive(Clone, Copy)]
pub(crate) struct Rise(u32);

impl Rise {
    /// As a share: 0.3 is +30 %.
    pub(crate) fn ratio(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }
}

impl FromText for Rise {
    fn from_text(text: &str) -> Result<Self, Complaint> {
        let complaint = || Complaint::new("write a plus sign and a percentage").hint("for example \"+30%\"");
        let Some(number) = text.strip_prefix('+') else {
            let meant = format!("+{text}");
            let useful = text.starts_with(|c: char| c.is_ascii_digit()) && Self::from_text(&meant).is_ok();
            return Err(if useful { complaint().hint(format!("write {meant}")) } else { complaint() });
        };
        let number = number.strip_suffix('%').ok_or_else(complaint)?;
        let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(whole) || !digits(decimals) {
            return Err(complaint());
        }
        let decimals = decimals.trim_end_matches('0');
        if decimals.len() > 2 {
            return Err(Complaint::new("percentages go in steps of 0.01%"));
        }
        // Two digits for certain, so that both fit together or neither does.
        let hundredths = format!("{whole}{decimals:0<2}").parse::<u32>().ok();
        match hundredths.filter(|hundredths| *hundredths <= MAX) {
            Some(hundredths) => Ok(Self(hundredths)),
            None => Err(Complaint::new("it is +10000% at most")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_has_a_sign() {
        for (text, ratio) in
            [("+30%", 0.3), ("+0.5%", 0.005), ("+250%", 2.5), ("+0%", 0.0), ("+10000%", 100.0)]
        {
            assert_eq!(Rise::from_text(text).ok().map(Rise::ratio), Some(ratio), "{text}");
        }
        for text in
            ["", "30%", "+30", "-30%", "+%", "+1.%", "+.5%", "+0.001%", "+10001%", "+99999999999%", "+ 3%"]
        {
            assert!(Rise::from_text(text).is_err(), "{text}");
        }
        assert_eq!(
            Rise::from_text("30%").err().and_then(|complaint| complaint.hint).as_deref(),
            Some("write +30%")
        );
    }
}
