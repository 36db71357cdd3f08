//! What can only be seen with all flags side by side.

use std::collections::{BTreeMap, BTreeSet};

use super::{Need, SetFault};
use crate::{Definition, Fault, UNIT_PREFIX, read::nearest};

/// How many evaluations asking for one flag may lead to, that of the flag included. It bounds the cost of an evaluation
/// and the depth of its recursion.
const MAX_EVALUATIONS: usize = 64;

/// What every flag needs, by number. The definitions are in the order of their keys.
pub(super) fn resolve(
    definitions: &[Definition],
    retired: &[String],
) -> Result<Vec<Vec<Need>>, Vec<SetFault>> {
    let mut faults = keys(definitions, retired);
    let index = definitions.iter().enumerate().map(|(at, one)| (one.key(), at)).collect::<BTreeMap<_, _>>();
    let mut all = Vec::with_capacity(definitions.len());
    for definition in definitions {
        all.push(needs(definition, definitions, (&index, retired), &mut faults));
    }
    faults.extend(chains(definitions, &all));
    if faults.is_empty() { Ok(all) } else { Err(faults) }
}

fn fault(flag: &Definition, pointer: String, what: String, hint: impl Into<String>) -> SetFault {
    SetFault { flag: flag.key().to_owned(), fault: Fault { pointer, what, hint: Some(hint.into()) } }
}

/// Keys that are used twice, or were retired.
fn keys(definitions: &[Definition], retired: &[String]) -> Vec<SetFault> {
    let retired = retired.iter().map(String::as_str).collect::<BTreeSet<_>>();
    let twice = definitions.windows(2).filter(|pair| pair[0].key() == pair[1].key()).map(|pair| {
        let what = format!("there are two flags '{}'", pair[1].key());
        fault(&pair[1], String::new(), what, "keep one of them")
    });
    let again = definitions.iter().filter(|one| retired.contains(one.key())).map(|one| {
        let what = format!("the key '{}' was retired", one.key());
        let hint = "choose another key: an application that was forgotten would get the new flag's answers";
        fault(one, String::new(), what, hint)
    });
    twice.chain(again).collect()
}

/// One flag's prerequisites, by number; unknown ones are faults.
fn needs(
    definition: &Definition,
    definitions: &[Definition],
    (index, retired): (&BTreeMap<&str, usize>, &[String]),
    faults: &mut Vec<SetFault>,
) -> Vec<Need> {
    let mut all = Vec::new();
    for (place, needed) in definition.prerequisites().iter().enumerate() {
        let Some(&flag) = index.get(&*needed.flag) else {
            let (what, hint) = missing(&needed.flag, index, retired);
            faults.push(fault(definition, format!("/prerequisites/{place}/flag"), what, hint));
            continue;
        };
        let Some(variant) = definitions[flag].variant(&needed.variant) else {
            let names = definitions[flag].variants().iter().map(|variant| &*variant.name).collect::<Vec<_>>();
            let what = format!("flag '{}' has no variant '{}'", needed.flag, needed.variant);
            let hint = format!("it has: {}", names.join(", "));
            faults.push(fault(definition, format!("/prerequisites/{place}/variant"), what, hint));
            continue;
        };
        all.push(Need { flag, variant });
    }
    all
}

/// Why a prerequisite is no flag that can be one, and what to do about it.
fn missing(key: &str, index: &BTreeMap<&str, usize>, retired: &[String]) -> (String, String) {
    if key.starts_with(UNIT_PREFIX) {
        let what = format!("'{key}' is where a unit stands, and that cannot be a prerequisite");
        return (what, "leave the prerequisite out, and ask the application to look at both".to_owned());
    }
    if retired.iter().any(|one| one == key) {
        return (format!("the flag '{key}' was retired"), "leave the prerequisite out".to_owned());
    }
    let hint = nearest(key, index.keys().copied()).map_or_else(
        || "define it, or leave the prerequisite out".to_owned(),
        |near| format!("did you mean '{near}'?"),
    );
    (format!("there is no flag '{key}'"), hint)
}

/// Prerequisites that go in a circle, or lead too far.
///
/// Flags are taken away once all that they need are gone; without a circle nothing is left. No recursion: a chain may be
/// as long as the list of flags.
fn chains(definitions: &[Definition], needs: &[Vec<Need>]) -> Vec<SetFault> {
    let mut users = vec![Vec::new(); needs.len()];
    for (user, needed) in needs.iter().enumerate() {
        needed.iter().for_each(|need| users[need.flag].push(user));
    }
    let mut open = needs.iter().map(Vec::len).collect::<Vec<_>>();
    let mut free = (0..needs.len()).filter(|&at| open[at] == 0).collect::<Vec<_>>();
    let mut cost = vec![0_usize; needs.len()];
    let mut faults = Vec::new();
    while let Some(at) = free.pop() {
        let below = needs[at].iter().map(|need| cost[need.flag]);
        let own = below.fold(1, usize::saturating_add);
        // Told once, where it begins; those above would only repeat it.
        let told = needs[at].iter().any(|need| cost[need.flag] > MAX_EVALUATIONS);
        cost[at] = own;
        if own > MAX_EVALUATIONS && !told {
            let what = format!(
                "the prerequisites lead to {own} evaluations; more than {MAX_EVALUATIONS} are refused"
            );
            faults.push(fault(&definitions[at], "/prerequisites".to_owned(), what, "make the chain shorter"));
        }
        for &user in &users[at] {
            open[user] -= 1;
            if open[user] == 0 {
                free.push(user);
            }
        }
    }
    faults.extend(circles(definitions, needs, &open));
    faults
}

/// The circles among the flags that are left, each told at the first of its flags. Whoever merely leads into one is not
/// accused.
fn circles(definitions: &[Definition], needs: &[Vec<Need>], open: &[usize]) -> Vec<SetFault> {
    // By number of the walk, from 1 on; 0: not yet walked.
    let mut walked = vec![0_usize; needs.len()];
    let mut faults = Vec::new();
    for start in (0..needs.len()).filter(|&at| open[at] > 0) {
        let mut path = Vec::new();
        let mut at = start;
        while walked[at] == 0 {
            walked[at] = start + 1;
            path.push(at);
            // A flag that is left needs one that is left.
            let Some(next) = needs[at].iter().map(|need| need.flag).find(|&next| open[next] > 0) else {
                break;
            };
            at = next;
        }
        if walked[at] == start + 1
            && let Some(begin) = path.iter().position(|&one| one == at)
        {
            faults.push(circle(definitions, &path[begin..]));
        }
    }
    faults
}

/// One circle, told from its first flag on.
fn circle(definitions: &[Definition], path: &[usize]) -> SetFault {
    const SHOWN: usize = 8;
    let begin = (0..path.len()).min_by_key(|&at| path[at]).unwrap_or(0);
    let around = path[begin..].iter().chain(&path[..begin]);
    let mut names = around.map(|&at| definitions[at].key()).collect::<Vec<_>>();
    let (first, second) = (&definitions[path[begin]], names.get(1).copied().unwrap_or(names[0]));
    let place = first.prerequisites().iter().position(|needed| &*needed.flag == second).unwrap_or(0);
    let count = names.len();
    if count > SHOWN {
        names.truncate(SHOWN);
        names.push("...");
    }
    names.push(first.key());
    let what = format!("the prerequisites go in a circle of {count}: {}", names.join(" -> "));
    fault(first, format!("/prerequisites/{place}/flag"), what, "take one of these prerequisites out")
}
