//! Whether two nodes treat requests alike.
//!
//! Nodes that share a store share a rollout, and judge it together: what one of them would compare, retry or count
//! differently must not go into one verdict. Their files may differ all the same, in comments, in the order of keys, and in
//! what each says about itself. So what was *read* is hashed, with defaults in the place of what was left out, without what
//! concerns a node alone.

use sha2::{Digest as _, Sha256};

use crate::read::{Fields, Value};

/// Keys at the top that say something about one node: who it is, where it listens and writes, and how many cores it has.
pub(crate) const OF_A_NODE: [&str; 8] =
    ["node", "listen", "admin", "probes", "state", "ofrep", "workers", "log"];
/// Keys at the top that are read elsewhere, and hashed there.
const HASHED_ELSEWHERE: [&str; 1] = ["flags"];

/// Digits of a fingerprint: 64 bits, for nobody has more configs than these keep apart.
pub(crate) const DIGITS: usize = 16;

/// The fingerprint of a config whose flags have this hash, in hex.
pub(crate) fn of(root: &Fields<'_>, flags: u64) -> String {
    let mut hash = Fingerprint(Sha256::new());
    hash.piece(b'F', &flags.to_be_bytes());
    for (key, value) in root.read_values() {
        if !OF_A_NODE.contains(&key) && !HASHED_ELSEWHERE.contains(&key) {
            hash.piece(b'k', key.as_bytes());
            hash.value(value);
        }
    }
    hash.0.finalize().iter().take(DIGITS / 2).map(|byte| format!("{byte:02x}")).collect()
}

/// What has been hashed. Each piece has a mark and a length, so that no two configs are the same bytes.
struct Fingerprint(Sha256);

impl Fingerprint {
    fn piece(&mut self, mark: u8, bytes: &[u8]) {
        self.0.update([mark]);
        self.0.update(bytes.len().to_string());
        self.0.update([0]);
        self.0.update(bytes);
    }

    fn value(&mut self, value: &Value<'_>) {
        match value {
            Value::Bool(value) => self.piece(b'b', &[u8::from(*value)]),
            Value::Number(value) => self.piece(b'n', &value.to_be_bytes()),
            Value::Duration(value) => self.piece(b'd', &value.as_nanos().to_be_bytes()),
            Value::Percent(value) => self.piece(b'p', &value.basis_points().to_be_bytes()),
            Value::Decimal(value) => self.piece(b'h', &value.hundredths().to_be_bytes()),
            Value::Real(value) => self.piece(b'r', &value.to_bits().to_be_bytes()),
            Value::Json(value) => self.piece(b'j', value.to_string().as_bytes()),
            Value::Foreign(value) => self.piece(b'j', value.json.to_string().as_bytes()),
            Value::Text(value) => self.piece(b't', value.as_bytes()),
            Value::Choice(word) => self.piece(b'c', word.as_bytes()),
            Value::Off => self.piece(b'o', &[]),
            Value::List(items, _) => {
                self.piece(b'l', &items.len().to_be_bytes());
                items.iter().for_each(|item| self.value(&item.value));
            }
            Value::Map(entries) => {
                // By name: a map has no order.
                let mut entries = entries.iter().collect::<Vec<_>>();
                entries.sort_unstable_by(|(a, _), (b, _)| a.value.cmp(&b.value));
                self.piece(b'm', &entries.len().to_be_bytes());
                for (name, value) in entries {
                    self.piece(b'k', name.value.as_bytes());
                    // One that could not be read ends in a report, and no plan.
                    value.iter().for_each(|item| self.value(&item.value));
                }
            }
            Value::Object(fields) => {
                self.piece(b'{', &[]);
                for (key, value) in fields.read_values() {
                    self.piece(b'k', key.as_bytes());
                    self.value(value);
                }
                self.piece(b'}', &[]);
            }
        }
    }
}
