//! Who drives.

use crate::stores::on_each;

#[test]
fn who_leads_keeps_the_term_and_who_takes_over_has_a_higher_one() {
    on_each(|store| {
        let first = store.lead("a").unwrap().unwrap();
        assert!(first.number() >= 1);
        assert_eq!(store.lead("a").unwrap(), Some(first));
        let second = store.lead("b").unwrap().unwrap();
        assert!(second > first);
        assert_eq!(store.lead("b").unwrap(), Some(second));
        assert!(store.lead("a").unwrap().unwrap() > second);
    });
}
