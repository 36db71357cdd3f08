//! Any story, told to two stores.

use banyan_state::{
    Change, FlagEntry, Memory, Postgres, Record, RolloutEntry, RolloutStep, ServerAddress, Sqlite, Store,
    Term,
};
use proptest::prelude::*;

use crate::stores::{PATIENT, alert, change, flag, moment, step};

/// What people and drivers do, good and bad.
#[derive(Clone, Debug)]
enum Act {
    Change { unit: u8, points: u16, held: bool, version: u64 },
    Forget { unit: u8 },
    Flag { definition: Option<u8>, version: u64 },
    Step { unit: u8, told: bool, version: u64, share: Option<(u16, u64)>, term: Option<u64> },
    Lead { node: u8 },
    Sent { id: u64 },
}

fn any_act() -> impl Strategy<Value = Act> {
    let share = prop::option::of((0u16..=10_000, 0u64..4));
    prop_oneof![
        4 => (0u8..2, 0u16..=10_000, any::<bool>(), 0u64..6)
            .prop_map(|(unit, points, held, version)| Act::Change { unit, points, held, version }),
        1 => (0u8..2).prop_map(|unit| Act::Forget { unit }),
        3 => (prop::option::weighted(0.9, any::<u8>()), 0u64..4)
            .prop_map(|(definition, version)| Act::Flag { definition, version }),
        4 => (0u8..2, any::<bool>(), 0u64..4, share, prop::option::of(1u64..4)).prop_map(
            |(unit, told, version, share, term)| Act::Step { unit, told, version, share, term }
        ),
        1 => (0u8..2).prop_map(|node| Act::Lead { node }),
        1 => (1u64..4).prop_map(|id| Act::Sent { id }),
    ]
}

/// What a store says to an act, in words, so that refusals are compared too.
fn perform(store: &dyn Store, act: &Act) -> String {
    let name = |unit: &u8| format!("unit-{unit}");
    let said = match act {
        Act::Change { unit, points, held, version } => {
            let change = Change { held: *held, ..change(&name(unit), *points, *version) };
            store.change(&change).map(|record| format!("{record:?}"))
        }
        Act::Forget { unit } => store.forget(&name(unit), "bob", "", moment(0)).map(|()| String::new()),
        Act::Flag { definition, version } => {
            let definition = definition.map(|number| number.to_string());
            store
                .change_flag(&flag("search", definition.as_deref(), *version))
                .map(|record| format!("{record:?}"))
        }
        Act::Step { unit, told, version, share, term } => {
            let step = RolloutStep {
                percent: share.map(|(points, version)| change(&name(unit), points, version)),
                alerts: vec![alert(&format!("{unit} {version}"))],
                term: term.and_then(Term::new),
                ..step(&name(unit), if *told { "on" } else { "" }, *version)
            };
            store.step_rollout(&step).map(|records| format!("{records:?}"))
        }
        Act::Lead { node } => store.lead(&format!("gw-{node}")).map(|term| format!("{term:?}")),
        Act::Sent { id } => store.alert_sent(*id).map(|()| String::new()),
    };
    said.unwrap_or_else(|refused| refused.to_string())
}

type Told = (Vec<Record>, String, Vec<FlagEntry>, Vec<RolloutEntry>, Vec<String>);

/// Everything that a store has to tell.
fn told(store: &dyn Store) -> Told {
    let histories: Vec<_> = ["unit-0", "unit-1"].map(|unit| store.history(unit, 99).unwrap()).into();
    let steps: Vec<_> = ["unit-0", "unit-1"].map(|unit| store.rollout_history(unit, 99).unwrap()).concat();
    let standing = format!("{histories:?} {:?} {:?}", store.flags().unwrap(), store.rollouts().unwrap());
    // A store may leave out numbers of alerts.
    let alerts = store.alerts_due(moment(999), 99).unwrap();
    let alerts = alerts.into_iter().map(|alert| format!("{} {} {:?}", alert.unit, alert.key, alert.next_at));
    (store.units().unwrap(), standing, store.flag_history("search", 99).unwrap(), steps, alerts.collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Two stores say the same of any story, and the one on the disk says it again after it was opened anew.
    #[test]
    fn any_story_reads_alike(acts in prop::collection::vec(any_act(), 0..24)) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("banyan.db");
        let (memory, sqlite) = (Memory::default(), Sqlite::open(&path).unwrap());
        for act in &acts {
            prop_assert_eq!(perform(&memory, act), perform(&sqlite, act));
        }
        drop(sqlite);
        prop_assert_eq!(told(&memory), told(&Sqlite::open(&path).unwrap()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, max_shrink_iters: 20, ..ProptestConfig::default() })]

    /// So does one on a server, to whoever asks.
    #[test]
    fn any_story_reads_alike_on_a_server(acts in prop::collection::vec(any_act(), 0..60)) {
        let server = banyan_testkit::Postgres::start().unwrap();
        let open = || Postgres::open(&ServerAddress::read(&server.url()).unwrap(), PATIENT).unwrap();
        let (memory, postgres) = (Memory::default(), open());
        for act in &acts {
            // Numbers of alerts that were told already are not the same everywhere.
            if !matches!(act, Act::Sent { .. }) {
                prop_assert_eq!(perform(&memory, act), perform(&postgres, act));
            }
        }
        prop_assert_eq!(told(&memory), told(&open()));
    }
}
