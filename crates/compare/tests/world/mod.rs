//! Two servers whose answers are full of noise, and of which one has faults. From a seed.

use banyan_compare::{Compared, DifferenceKind, Ids, Reply, Rules, Spot, System, Triple};
use serde_json::{Map, Value, json};

/// Elements of the list in every answer.
const ITEMS: u64 = 8;
/// Different requests.
const REQUESTS: u64 = 500;

/// The two servers.
#[derive(Debug)]
pub(crate) struct World {
    dice: Dice,
    noisy_fields: usize,
    fault_rate: f64,
    request: u64,
    ids: Ids,
}

/// What is wrong with the candidate, each independently in a share of its answers. The paths and kinds by which each
/// shows.
const FAULTS: [(DifferenceKind, &str); 7] = [
    (DifferenceKind::Value, "/total"),
    (DifferenceKind::Value, "/items/*/price"),
    (DifferenceKind::Type, "/user/name"),
    (DifferenceKind::Missing, "/user/mail"),
    (DifferenceKind::Order, "/menu"),
    (DifferenceKind::Length, "/links"),
    // The value is noise; that it is none is a fault.
    (DifferenceKind::Type, "/generated_at"),
];

impl World {
    /// Servers with so many noisy fields (besides a noisy list) and faults in this share of the candidate's answers.
    pub(crate) fn new(seed: u64, noisy_fields: usize, fault_rate: f64) -> Self {
        Self { dice: Dice(seed), noisy_fields, fault_rate, request: 0, ids: Ids::default() }
    }

    /// The spots by which the faults show.
    pub(crate) fn faults() -> Vec<Spot> {
        FAULTS.map(|(kind, path)| Spot { path: path.to_owned(), kind }).to_vec()
    }

    /// Asks all for the next request.
    pub(crate) fn triple(&mut self) -> Compared {
        self.request = self.dice.below(REQUESTS);
        let (control, again) = (self.answer(0.0).to_string(), self.answer(0.0).to_string());
        let candidate = self.answer(self.fault_rate).to_string();
        let fields: [(&str, &[u8]); 1] = [("content-type", b"application/json")];
        let reply = |body| Reply { status: 200, fields: &fields, body };
        let triple = Triple {
            control: reply(control.as_bytes()),
            again: Some(reply(again.as_bytes())),
            candidate: reply(candidate.as_bytes()),
        };
        triple.compare(&Rules::default(), &mut self.ids, System::Legacy)
    }

    fn answer(&mut self, fault_rate: f64) -> Value {
        let wrong = FAULTS.map(|_| self.dice.share() < fault_rate);
        let mut items: Vec<Value> = (0..ITEMS).map(|index| self.item(index)).collect();
        if wrong[1] {
            let index = self.dice.index(items.len());
            items[index]["price"] = json!(-1);
        }
        self.shuffle(&mut items);
        let noise: Map<String, Value> = (0..self.noisy_fields)
            .filter_map(|index| Some((format!("n{index}"), self.noise(index)?)))
            .collect();
        let request = self.request;
        let mut user = json!({"name": format!("user {request}"), "mail": format!("{request}@example.org")});
        if wrong[2] {
            user["name"] = Value::Null;
        }
        if wrong[3] {
            user.as_object_mut().expect("an object").remove("mail");
        }
        let generated_at = self.timestamp();
        json!({
            "generated_at": if wrong[6] { Value::Null } else { generated_at },
            "total": if wrong[0] { request + 1 } else { request },
            "user": user,
            "menu": if wrong[4] { json!(["home", "about", "terms"]) } else { json!(["home", "terms", "about"]) },
            "links": if wrong[5] { json!(["/a"]) } else { json!(["/a", "/b"]) },
            "items": items,
            "noise": noise,
        })
    }

    /// An element of a list that comes in another order each time.
    fn item(&mut self, index: u64) -> Value {
        let id = self.request * ITEMS + index;
        let mut tags = vec![json!("new"), json!("sale"), json!(format!("tag {}", id % 7))];
        self.shuffle(&mut tags);
        json!({
            "id": id,
            "title": format!("article {id}"),
            "price": 100 + id % 13,
            "public": true,
            "seen_at": self.timestamp(),
            "score": 0.5 + self.dice.share() * 1e-9,
            "tags": tags,
        })
    }

    /// One of six kinds of noise. How often the last three differ is theirs: from hardly ever to half of the time.
    fn noise(&mut self, index: usize) -> Option<Value> {
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        let share = 0.001 + 0.5 * (index as f64 / self.noisy_fields as f64).powi(2);
        let rare = self.dice.share() < share;
        match index % 6 {
            0 => Some(self.timestamp()),
            1 => Some(json!(format!("{:016x}-{:x}", self.dice.number(), index))),
            2 => Some(json!(0.25 + self.dice.share() * 1e-12)),
            3 => Some(json!(if rare { "other" } else { "usual" })),
            4 => (!rare).then(|| json!(self.request)),
            _ => Some(if rare { json!([3, 1, 2]) } else { json!([1, 2, 3]) }),
        }
    }

    fn timestamp(&mut self) -> Value {
        json!(format!("2026-11-21T10:00:{:02}.{:09}Z", self.dice.below(60), self.dice.below(1_000_000_000)))
    }

    fn shuffle(&mut self, values: &mut [Value]) {
        for end in (1..values.len()).rev() {
            let other = self.dice.index(end + 1);
            values.swap(end, other);
        }
    }
}

/// SplitMix64.
#[derive(Debug)]
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// At least 0, less than 1.
    #[expect(clippy::cast_precision_loss, reason = "53 bits are what an f64 holds exactly")]
    pub(crate) fn share(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).expect("a length")
    }
}
