//! Flags: definitions, retired keys, histories.

use banyan_state::{FlagEntry, FlagRecord, Kept, StoreError};

use crate::stores::{flag, moment, on_each};

#[test]
fn a_flag_is_recorded_as_it_was_defined() {
    on_each(|store| {
        assert_eq!(store.flags().unwrap(), []);
        let definition = "{\"key\":\"søk\",\"percent\":5}";
        let made = store.change_flag(&flag("search", Some(definition), 0)).unwrap();
        let expected = FlagRecord {
            key: "search".to_owned(),
            definition: Some(definition.to_owned()),
            version: 1,
            at: moment(0),
            by: "ada".to_owned(),
            why: "after 0".to_owned(),
        };
        assert_eq!(made, expected);
        assert_eq!(store.flags().unwrap(), [expected]);
    });
}

#[test]
fn flags_are_in_the_order_of_their_bytes() {
    on_each(|store| {
        for key in ["b", "a.b", "a-b", "a_b", "ab", "0"] {
            store.change_flag(&flag(key, Some("{}"), 0)).unwrap();
        }
        let flags = store.flags().unwrap();
        let keys: Vec<_> = flags.iter().map(|flag| flag.key.as_str()).collect();
        assert_eq!(keys, ["0", "a-b", "a.b", "a_b", "ab", "b"]);
    });
}

#[test]
fn of_two_people_who_change_a_flag_at_once_one_is_told_and_nothing_is_lost() {
    on_each(|store| {
        store.change_flag(&flag("search", Some("1"), 0)).unwrap();
        store.change_flag(&flag("search", Some("2"), 1)).unwrap();
        for stale in [0, 1, 3] {
            let refused = store.change_flag(&flag("search", Some("3"), stale)).unwrap_err();
            let expected_name = "search";
            assert!(
                matches!(&refused, StoreError::Conflict { of: Kept::Flag, name, expected, found: 2 }
                    if name == expected_name && *expected == stale),
                "{refused}"
            );
        }
        assert_eq!(store.flags().unwrap()[0].definition.as_deref(), Some("2"));
    });
}

#[test]
fn a_retired_key_is_never_used_again() {
    on_each(|store| {
        store.change_flag(&flag("old", Some("1"), 0)).unwrap();
        let retired = store.change_flag(&flag("old", None, 1)).unwrap();
        assert_eq!((retired.version, retired.definition), (2, None));
        for version in [0, 1, 2] {
            for definition in [Some("2"), None] {
                let refused = store.change_flag(&flag("old", definition, version)).unwrap_err();
                assert!(matches!(&refused, StoreError::Retired { key } if key == "old"), "{refused}");
            }
        }
        // Also one that was never defined here, such as one that stood in a config.
        store.change_flag(&flag("older", None, 0)).unwrap();
        assert!(matches!(store.change_flag(&flag("older", Some("1"), 0)), Err(StoreError::Retired { .. })));
        assert_eq!(store.flags().unwrap().len(), 2);
    });
}

#[test]
fn the_history_of_a_flag_says_from_what_to_what() {
    on_each(|store| {
        store.change_flag(&flag("other", Some("x"), 0)).unwrap();
        for (version, definition) in [(0, Some("1")), (1, Some("2")), (2, None)] {
            store.change_flag(&flag("search", definition, version)).unwrap();
        }
        let entry = |version: u64, from: Option<&str>, to: Option<&str>| FlagEntry {
            key: "search".to_owned(),
            version,
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            at: moment(version - 1),
            by: "ada".to_owned(),
            why: format!("after {}", version - 1),
        };
        let all = [entry(3, Some("2"), None), entry(2, Some("1"), Some("2")), entry(1, None, Some("1"))];
        assert_eq!(store.flag_history("search", 9).unwrap(), all);
        assert_eq!(store.flag_history("search", 2).unwrap(), all[..2]);
        assert_eq!(store.flag_history("nothing", 9).unwrap(), []);
    });
}
