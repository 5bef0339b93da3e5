//! The guests of the corpus, changed by wasm-mutate: what nobody wrote down lies close to what somebody did.

use arbitrary::Unstructured;
use gauntlet_corpus::{Attack, Kind, World};
use wasm_mutate::WasmMutate;

use super::{Asked, Bench, Bound, Depth, Health, Pair, Ran, core_modules};
use crate::observe::quietly;
use crate::{Answer, Case};

pub(crate) const PAIR: Pair = Pair {
    id: "corpus-mutations",
    summary: "the guests of the corpus, changed in one to four places",
    bytes: 256,
    runs_guests: true,
    generate,
    run,
    health: &[
        Health { name: "changed", part: "changed", whole: "modules", bound: Bound::AtLeast(0.9) },
        Health { name: "accepted", part: "accepted", whole: "modules", bound: Bound::AtLeast(0.3) },
    ],
};

/// The largest guest that is changed: larger ones are bombs, and changing one takes as long as compiling it.
const MAX_BYTES: usize = 64 << 10;
/// Classes whose attacks need more than one run in this process can hold, or last as long as a limit on time.
const LEFT_OUT: &[&str] = &["compile", "malformed", "sleep", "component"];
/// Dice of one case.
const TRIES: u32 = 12;
/// Work of one mutation, in the mutator's own fuel.
const FUEL: u64 = 300;

/// The attacks that are changed.
fn seeds<'a>(bench: &'a Bench<'_>) -> Vec<&'a Attack> {
    let fits = |attack: &&Attack| {
        attack.kind == Kind::Guest
            && matches!(attack.world, World::Core | World::Preview1)
            && attack.attack.len() <= MAX_BYTES
            && attack.attack.starts_with(b"\0asm")
            && !attack.alone
            && !LEFT_OUT.contains(&attack.class.as_str())
    };
    bench.corpus.attacks.iter().filter(fits).collect()
}

fn generate(bench: &Bench<'_>, u: &mut Unstructured<'_>) -> arbitrary::Result<Case> {
    let seeds = seeds(bench);
    let attack = *u.choose(&seeds)?;
    let mut wasm = attack.attack.clone();
    let mut changes = 0;
    let wanted = u.int_in_range(1..=4)?;
    // Not every mutation fits every module: those that do not are tried with other dice.
    for _ in 0..TRIES {
        if changes == wanted {
            break;
        }
        let seed = u.arbitrary::<u64>()?;
        // The mutator is not ours, and what it makes of odd modules is not our finding.
        let changed = quietly(|| {
            let mut mutate = WasmMutate::default();
            mutate.seed(seed).fuel(FUEL).preserve_semantics(false);
            let mut found = mutate.run(&wasm).ok()?;
            found.next()?.ok()
        });
        if let Ok(Some(changed)) = changed {
            wasm = changed;
            changes += 1;
        }
    }
    let calls = vec![format!("from {}", attack.id), format!("changes {changes}")];
    Ok(Case { wasm, policy: bench.policy.text.clone(), calls })
}

fn run(bench: &Bench<'_>, case: &Case, depth: Depth) -> Ran {
    let policy = match bench.policy_of(case) {
        Ok(policy) => policy,
        Err(why) => return Ran::unreadable(why),
    };
    let mut ran = Ran::default();
    ran.counts.add("modules", 1);
    let changed = case.calls.iter().any(|line| line.starts_with("changes ") && line != "changes 0");
    ran.counts.add("changed", u64::from(changed));
    let asked = Asked::new(&case.wasm, &policy);
    let mut job = asked.job();
    let answer = Answer::of(bench.target, &job);
    ran.counts.add("accepted", u64::from(core_modules::accepted(&answer)));
    // Guests with WASI may ask for the time: only those without imports have to end the same way twice.
    let pure = imports_nothing(&case.wasm);
    asked.judged(bench, &mut job, answer, if pure { depth } else { Depth::Cheap }, &mut ran);
    ran
}

fn imports_nothing(wasm: &[u8]) -> bool {
    !wasmparser::Parser::new(0)
        .parse_all(wasm)
        .map_while(Result::ok)
        .any(|payload| matches!(payload, wasmparser::Payload::ImportSection(_)))
}
