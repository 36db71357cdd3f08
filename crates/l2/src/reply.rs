//! What scripts answer, read with suspicion: who listens at the address need not be Redis.

use redis::Value;

use crate::stamp::Stamp;

/// What a lookup brought.
#[derive(Debug, PartialEq)]
pub(crate) struct Looked {
    /// Somebody has the lease.
    pub(crate) held: bool,
    pub(crate) what: What,
}

#[derive(Debug, PartialEq)]
pub(crate) enum What {
    /// A frame, when that was by Redis's clock, and how long Redis keeps it (negative when it knows no end).
    Found {
        now_ms: u64,
        left_ms: i64,
        frame: Vec<u8>,
    },
    Absent,
    Invalidated,
    Garbage,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Leased {
    Won(Stamp),
    Held,
    Full,
    Refused,
}

#[derive(Debug, PartialEq)]
pub(crate) enum FillReply {
    Stored,
    Lost,
    Fenced,
    Full,
    Refused,
}

pub(crate) fn looked(reply: Value) -> Option<Looked> {
    let mut parts = Parts::of(reply)?;
    let word = parts.bytes()?;
    let held = parts.integer()? != 0;
    let what = match word.as_slice() {
        b"absent" => What::Absent,
        b"invalidated" => What::Invalidated,
        b"garbage" => What::Garbage,
        b"found" => {
            let (now, left_ms, frame) = (parts.integer()?, parts.integer()?, parts.bytes()?);
            What::Found { now_ms: u64::try_from(now).ok()?, left_ms, frame }
        }
        _ => return None,
    };
    parts.end(Looked { held, what })
}

pub(crate) fn leased(reply: Value) -> Option<Leased> {
    let mut parts = Parts::of(reply)?;
    let leased = match parts.bytes()?.as_slice() {
        b"won" => Leased::Won(Stamp::parse(&parts.bytes()?)?),
        b"held" => Leased::Held,
        b"refused" if is_full(&parts.bytes()?) => Leased::Full,
        b"refused" => Leased::Refused,
        _ => return None,
    };
    parts.end(leased)
}

pub(crate) fn filled(reply: Value) -> Option<FillReply> {
    let mut parts = Parts::of(reply)?;
    let filled = match parts.bytes()?.as_slice() {
        b"stored" => FillReply::Stored,
        b"lost" => FillReply::Lost,
        b"fenced" => FillReply::Fenced,
        b"refused" if is_full(&parts.bytes()?) => FillReply::Full,
        b"refused" => FillReply::Refused,
        _ => return None,
    };
    parts.end(filled)
}

/// One of these words and nothing else.
pub(crate) fn one_of(reply: Value, words: &[&str]) -> Option<()> {
    let mut parts = Parts::of(reply)?;
    let word = parts.bytes()?;
    words.iter().any(|known| known.as_bytes() == word).then_some(())?;
    parts.end(())
}

/// The run id out of the answer to `INFO server`.
pub(crate) fn run_id(info: &str) -> Option<&str> {
    info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim).filter(|id| !id.is_empty())
}

/// Whether an error of Redis says that its memory is used up.
pub(crate) fn is_full(error: &[u8]) -> bool {
    error.windows(3).any(|word| word == b"OOM")
}

/// An array, part by part.
struct Parts(std::vec::IntoIter<Value>);

impl Parts {
    fn of(reply: Value) -> Option<Self> {
        match reply {
            Value::Array(values) => Some(Self(values.into_iter())),
            _ => None,
        }
    }

    fn bytes(&mut self) -> Option<Vec<u8>> {
        match self.0.next()? {
            Value::BulkString(bytes) => Some(bytes),
            _ => None,
        }
    }

    fn integer(&mut self) -> Option<i64> {
        match self.0.next()? {
            Value::Int(number) => Some(number),
            _ => None,
        }
    }

    fn end<T>(mut self, value: T) -> Option<T> {
        self.0.next().is_none().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn word(word: &str) -> Value {
        Value::BulkString(word.into())
    }

    fn values() -> impl Strategy<Value = Value> {
        let words = "won|held|found|absent|stored|refused|OOM|[0-9]{16}|.*";
        let leaf = prop_oneof![
            Just(Value::Nil),
            Just(Value::Okay),
            any::<i64>().prop_map(Value::Int),
            words.prop_map(|text| Value::BulkString(text.into_bytes())),
        ];
        leaf.prop_recursive(3, 16, 6, |inner| vec(inner, 0..6).prop_map(Value::Array))
    }

    #[test]
    fn answers_of_the_scripts_are_understood() {
        let found =
            Value::Array(vec![word("found"), Value::Int(1), Value::Int(5), Value::Int(-1), word("x")]);
        let what = What::Found { now_ms: 5, left_ms: -1, frame: b"x".to_vec() };
        assert_eq!(looked(found), Some(Looked { held: true, what }));
        let won = Value::Array(vec![word("won"), word("0000000000000009")]);
        assert_eq!(leased(won), Some(Leased::Won(Stamp::of(9))));
        let full = Value::Array(vec![word("refused"), word("OOM command not allowed")]);
        assert_eq!(filled(full), Some(FillReply::Full));
    }

    #[test]
    fn an_answer_with_more_or_less_than_belongs_is_none() {
        assert_eq!(looked(Value::Array(vec![word("absent")])), None);
        assert_eq!(looked(Value::Array(vec![word("absent"), Value::Int(0), Value::Int(0)])), None);
        assert_eq!(leased(Value::Array(vec![word("won"), word("9")])), None);
        assert_eq!(one_of(Value::Array(vec![word("done"), word("done")]), &["done"]), None);
        assert_eq!(filled(word("stored")), None);
    }

    #[test]
    fn the_run_id_is_found_among_the_rest() {
        assert_eq!(run_id("# Server\r\nredis_version:7.0\r\nrun_id:abc\r\n"), Some("abc"));
        assert_eq!(run_id("run_id:\r\n"), None);
        assert_eq!(run_id(""), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(value in values()) {
            let known = [
                looked(value.clone()).is_some(),
                leased(value.clone()).is_some(),
                filled(value.clone()).is_some(),
                one_of(value.clone(), &["done"]).is_some(),
            ];
            prop_assert!(matches!(value, Value::Array(_)) || known == [false; 4]);
        }
    }
}
