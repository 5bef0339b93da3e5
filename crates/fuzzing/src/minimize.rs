//! Makes a case smaller while the same oracle fires at the same place: lines first, then the policy, then the module.

use wasm_shrink::WasmShrink;

use crate::Case;
use crate::sequences::{Sequence, shrink};

/// How much is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    /// Runs of a candidate, in all.
    pub runs: u32,
}

impl Default for Effort {
    fn default() -> Self {
        Self { runs: 400 }
    }
}

/// Makes a case smaller. `fires` runs a candidate and says whether the same oracle still finds the same; `rebuild` makes the guest anew
/// from changed lines, for pairs whose lines are the guest.
pub fn minimize(
    case: &Case,
    effort: Effort,
    rebuild: &dyn Fn(&[String]) -> Option<Vec<u8>>,
    fires: &mut dyn FnMut(&Case) -> bool,
) -> Case {
    let mut best = case.clone();
    let mut left = effort.runs;
    let mut ask = |candidate: &Case, left: &mut u32| {
        if *left == 0 {
            return false;
        }
        *left -= 1;
        fires(candidate)
    };
    // The lines of a sequence of calls name each other by number, so it is made shorter as what it is.
    let calls = if let (true, Ok(sequence)) = (best.wasm.is_empty(), best.calls.join("\n").parse::<Sequence>()) {
        let lines = |sequence: &Sequence| sequence.to_string().lines().map(str::to_owned).collect();
        lines(&shrink(&sequence, |smaller| ask(&Case { calls: lines(smaller), ..best.clone() }, &mut left)))
    } else {
        reduce(&best.calls.clone(), &mut |lines| {
            let wasm = rebuild(lines).unwrap_or_else(|| best.wasm.clone());
            ask(&Case { wasm, calls: lines.to_vec(), ..best.clone() }, &mut left)
        })
    };
    best.wasm = rebuild(&calls).unwrap_or(best.wasm);
    best.calls = calls;
    // The numbers of a line: what matters of `loop 2000001` is often much smaller.
    for at in 0..best.calls.len() {
        while let Some(line) = smaller(&best.calls[at]) {
            let mut calls = best.calls.clone();
            calls[at] = line;
            let wasm = rebuild(&calls).unwrap_or_else(|| best.wasm.clone());
            let candidate = Case { wasm, calls, ..best.clone() };
            if !ask(&candidate, &mut left) {
                break;
            }
            best = candidate;
        }
    }
    // A policy is a line a key at most; a candidate that does not parse does not fire.
    let lines: Vec<String> = best.policy.lines().map(str::to_owned).collect();
    let kept = reduce(&lines, &mut |lines| ask(&Case { policy: joined(lines), ..best.clone() }, &mut left));
    if kept.len() < lines.len() {
        best.policy = joined(&kept);
    }
    // Only a guest that is not made from the lines is worth shrinking by itself.
    if rebuild(&best.calls).is_none() && best.wasm.starts_with(b"\0asm") && left > 0 {
        let fixed = best.clone();
        let shrunk = WasmShrink::default()
            .attempts(left / 2)
            .allow_empty(true)
            .run(best.wasm.clone(), |wasm| Ok(ask(&Case { wasm: wasm.to_vec(), ..fixed.clone() }, &mut left)));
        if let Ok(shrunk) = shrunk
            && shrunk.output.len() < best.wasm.len()
        {
            best.wasm = shrunk.output;
        }
    }
    best
}

fn joined(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// A line whose last number is half of what it was.
fn smaller(line: &str) -> Option<String> {
    let (before, number) = line.rsplit_once(' ')?;
    let number: u64 = number.parse().ok()?;
    (number > 1).then(|| format!("{before} {}", number / 2))
}

/// Delta debugging: the lines without which it does not fire.
///
/// Source: Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input", IEEE TSE 28(2), 2002; complements only.
fn reduce(lines: &[String], fires: &mut dyn FnMut(&[String]) -> bool) -> Vec<String> {
    let mut kept = lines.to_vec();
    let mut parts = 2;
    while !kept.is_empty() {
        let size = kept.len().div_ceil(parts);
        let mut without = None;
        for start in (0..kept.len()).step_by(size) {
            let candidate: Vec<String> = kept
                .iter()
                .enumerate()
                .filter(|(at, _)| *at < start || *at >= start + size)
                .map(|(_, line)| line.clone())
                .collect();
            if fires(&candidate) {
                without = Some(candidate);
                break;
            }
        }
        match without {
            Some(candidate) => {
                kept = candidate;
                parts = (parts - 1).max(2);
            }
            None if size == 1 => break,
            None => parts = (parts * 2).min(kept.len()),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.split(',').map(str::to_owned).collect()
    }

    #[test]
    fn only_the_lines_that_matter_are_left() {
        let mut asked = 0;
        let kept = reduce(&lines("a,b,c,d,e,f,g,h,i,j"), &mut |lines| {
            asked += 1;
            ["c", "h"].iter().all(|needed| lines.iter().any(|line| line == needed))
        });
        assert_eq!(kept, lines("c,h"));
        assert!(asked < 60, "{asked}");
    }

    #[test]
    fn a_sequence_shrinks_with_the_numbers_of_its_results() {
        let calls = "sched_yield()\nr1 = path_open(3, 0, \"f\", 0, FD_READ, 0, 0, _)\nfd_close(r1)";
        let case = Case { calls: calls.lines().map(str::to_owned).collect(), ..Case::default() };
        let small = minimize(&case, Effort::default(), &|_| None, &mut |case| {
            case.calls.iter().any(|line| line.starts_with("fd_close(r"))
        });
        assert_eq!(small.calls.last().map(String::as_str), Some("fd_close(r0)"));
        assert_eq!(small.calls.len(), 2);
    }

    #[test]
    fn numbers_and_policy_shrink_and_the_effort_is_bounded() {
        let case = Case {
            wasm: Vec::new(),
            policy: "version: 1\nlimits: { fuel: 5 }\non-denial: trap\n".into(),
            calls: lines("count,loop 4096,mark"),
        };
        let mut runs = 0;
        let small = minimize(&case, Effort { runs: 100 }, &|_| Some(Vec::new()), &mut |case| {
            runs += 1;
            let turns = case.calls.iter().find_map(|line| line.strip_prefix("loop ")?.parse::<u64>().ok());
            case.policy.contains("fuel") && turns.is_some_and(|turns| turns > 100)
        });
        assert_eq!((small.calls, small.policy.as_str()), (lines("loop 128"), "limits: { fuel: 5 }\n"));
        assert!(runs <= 100);
        let none = minimize(&case, Effort { runs: 0 }, &|_| None, &mut |_| panic!("nothing is run"));
        assert_eq!(none, case);
    }

    #[test]
    fn a_module_shrinks_while_it_still_fires() {
        let wasm = wat::parse_str(
            "(module (func $a (result i32) (i32.add (i32.const 3) (i32.const 4))) (func (export \"_start\") unreachable) (memory 3))",
        )
        .unwrap();
        let case = Case { wasm: wasm.clone(), policy: "version: 1\n".into(), calls: Vec::new() };
        let small = minimize(&case, Effort { runs: 600 }, &|_| None, &mut |case| {
            // `unreachable` before the `end` of a body.
            wasmparser::validate(&case.wasm).is_ok() && case.wasm.windows(2).any(|pair| pair == [0, 0x0b])
        });
        assert!(small.wasm.len() < wasm.len(), "{} of {}", small.wasm.len(), wasm.len());
    }
}
