//! One suite for every store: what holds for `Memory` holds for `Sqlite`.

use std::time::{Duration, SystemTime};

use banyan_flags::Percent;
use banyan_state::{
    CacheUrl, Change, Entry, HotUrl, MAX_HOT_URL_BYTES, MAX_HOT_URLS, Memory, Record, Sqlite, Step, Store,
    StoreError,
};
use proptest::prelude::*;

/// Runs a check against each store, fresh.
fn on_each(check: impl Fn(&dyn Store)) {
    check(&Memory::default());
    let folder = tempfile::tempdir().expect("a temporary folder");
    check(&Sqlite::open(&folder.path().join("banyan.db")).expect("a new store"));
}

fn percent(points: u16) -> Percent {
    Percent::from_basis_points(points).expect("a share")
}

fn moment(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::new(1_800_000_000 + seconds, 123_456_789)
}

fn change(unit: &str, points: u16, expected_version: u64) -> Change {
    Change {
        unit: unit.to_owned(),
        percent: percent(points),
        held: false,
        expected_version,
        at: moment(expected_version),
        by: "ada".to_owned(),
        why: format!("step after {expected_version}"),
    }
}

fn versions(history: &[Entry]) -> Vec<u64> {
    history.iter().map(|entry| entry.version).collect()
}

#[test]
fn a_change_is_recorded_as_it_was_made() {
    on_each(|store| {
        assert_eq!(store.units().unwrap(), []);
        let made = store.change(&Change { held: true, ..change("articles", 525, 0) }).unwrap();
        let expected = Record {
            unit: "articles".to_owned(),
            percent: percent(525),
            held: true,
            version: 1,
            at: moment(0),
            by: "ada".to_owned(),
            why: "step after 0".to_owned(),
        };
        assert_eq!(made, expected);
        assert_eq!(store.units().unwrap(), [expected]);
    });
}

#[test]
fn a_change_decided_on_an_old_version_is_refused() {
    on_each(|store| {
        store.change(&change("articles", 500, 0)).unwrap();
        for stale in [0, 2] {
            let refused = store.change(&change("articles", 900, stale)).unwrap_err();
            assert!(
                matches!(refused, StoreError::Conflict { expected, found: 1, .. } if expected == stale),
                "{refused}"
            );
        }
        assert_eq!(store.units().unwrap()[0].percent, percent(500));
        assert_eq!(versions(&store.history("articles", 9).unwrap()), [1]);
    });
}

#[test]
fn units_are_apart_and_in_order() {
    on_each(|store| {
        store.change(&change("users", 100, 0)).unwrap();
        store.change(&change("articles", 200, 0)).unwrap();
        store.change(&change("users", 300, 1)).unwrap();
        let units = store.units().unwrap();
        let seen: Vec<_> = units
            .iter()
            .map(|unit| (unit.unit.as_str(), unit.percent.basis_points(), unit.version))
            .collect();
        assert_eq!(seen, [("articles", 200, 1), ("users", 300, 2)]);
    });
}

#[test]
fn history_is_newest_first_and_limited() {
    on_each(|store| {
        for version in 0..5 {
            store.change(&change("articles", 100, version)).unwrap();
        }
        assert_eq!(versions(&store.history("articles", 9).unwrap()), [5, 4, 3, 2, 1]);
        let latest = store.history("articles", 2).unwrap();
        assert_eq!(versions(&latest), [5, 4]);
        assert_eq!((latest[0].at, latest[0].why.as_str()), (moment(4), "step after 4"));
        assert_eq!(store.history("users", 9).unwrap(), []);
    });
}

#[test]
fn a_forgotten_unit_starts_again_and_versions_count_on() {
    on_each(|store| {
        store.change(&change("articles", 500, 0)).unwrap();
        store.forget("articles", "bob", "config decides", moment(9)).unwrap();
        assert_eq!(store.units().unwrap(), []);
        assert!(matches!(
            store.change(&change("articles", 900, 1)),
            Err(StoreError::Conflict { expected: 1, found: 0, .. })
        ));
        assert_eq!(store.change(&change("articles", 700, 0)).unwrap().version, 3);
        let history = store.history("articles", 9).unwrap();
        assert_eq!(versions(&history), [3, 2, 1]);
        assert_eq!(
            (history[1].step, history[1].by.as_str(), history[1].at),
            (Step::Forget, "bob", moment(9))
        );
    });
}

#[test]
fn there_is_nothing_to_forget_about_an_unknown_unit() {
    on_each(|store| {
        store.forget("articles", "bob", "", moment(0)).unwrap();
        assert_eq!(store.history("articles", 9).unwrap(), []);
    });
}

#[test]
fn a_secret_is_made_once() {
    on_each(|store| {
        assert_eq!(store.secret("cookie", &[1; 32]).unwrap(), [1; 32]);
        assert_eq!(store.secret("cookie", &[2; 32]).unwrap(), [1; 32]);
        assert_eq!(store.secret("other", &[2; 32]).unwrap(), [2; 32]);
    });
}

fn hot(target: &str, count: u64) -> HotUrl {
    let url =
        CacheUrl { host: "a.example:8080".to_owned(), target: target.to_owned(), secure: count % 2 == 1 };
    HotUrl { url, count }
}

#[test]
fn hot_urls_are_kept_in_their_order_and_replaced_as_a_whole() {
    on_each(|store| {
        assert_eq!(store.hot_urls().unwrap(), []);
        let first = [hot("/a?b=\"'", 9), hot("/%C3%A9", 9), hot("/z", 1)];
        store.set_hot_urls(&first).unwrap();
        assert_eq!(store.hot_urls().unwrap(), first);
        let second = [hot("/z", 20), hot("/new", 7)];
        store.set_hot_urls(&second).unwrap();
        assert_eq!(store.hot_urls().unwrap(), second);
        store.set_hot_urls(&[]).unwrap();
        assert_eq!(store.hot_urls().unwrap(), []);
    });
}

#[test]
fn hot_urls_are_bounded_in_number_and_length() {
    on_each(|store| {
        let room = MAX_HOT_URL_BYTES - "a.example:8080".len();
        let (long, fits) = (hot(&"x".repeat(room + 1), 5), hot(&"x".repeat(room), 4));
        let few = vec![hot("/", 1); MAX_HOT_URLS];
        store.set_hot_urls(&[vec![long, fits.clone()], few].concat()).unwrap();
        let kept = store.hot_urls().unwrap();
        assert_eq!((kept.len(), &kept[0], &kept[1]), (MAX_HOT_URLS, &fits, &hot("/", 1)));
    });
}

/// What people do to units, good and bad.
#[derive(Clone, Debug)]
enum Act {
    Change { unit: u8, points: u16, held: bool, version: u64 },
    Forget { unit: u8 },
}

fn any_act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0u8..2, 0u16..=10_000, any::<bool>(), 0u64..6)
            .prop_map(|(unit, points, held, version)| Act::Change { unit, points, held, version }),
        1 => (0u8..2).prop_map(|unit| Act::Forget { unit }),
    ]
}

fn perform(store: &dyn Store, act: &Act) -> Result<Option<Record>, String> {
    match *act {
        Act::Change { unit, points, held, version } => {
            let change = Change { held, ..change(&format!("unit-{unit}"), points, version) };
            store.change(&change).map(Some).map_err(|error| error.to_string())
        }
        Act::Forget { unit } => store
            .forget(&format!("unit-{unit}"), "bob", "", moment(0))
            .map(|()| None)
            .map_err(|error| error.to_string()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Both stores say the same of any story, and the one on the disk says it again after it was opened anew.
    #[test]
    fn any_story_reads_alike(acts in prop::collection::vec(any_act(), 0..24)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banyan.db");
        let (memory, sqlite) = (Memory::default(), Sqlite::open(&path).unwrap());
        for act in &acts {
            prop_assert_eq!(perform(&memory, act), perform(&sqlite, act));
        }
        drop(sqlite);
        let sqlite = Sqlite::open(&path).unwrap();
        prop_assert_eq!(memory.units().unwrap(), sqlite.units().unwrap());
        for unit in ["unit-0", "unit-1"] {
            prop_assert_eq!(memory.history(unit, 99).unwrap(), sqlite.history(unit, 99).unwrap());
        }
    }
}
