//! Makes a sequence smaller while what it shows stays: first calls go, then what is left is made plainer.

use super::call::{Argument, Buffer, Sequence};
use super::functions::Kind;

/// Most sequences that are tried.
const MOST: usize = 4000;

/// The smallest sequence that could be found for which `still_fires` holds. If it does not hold for the sequence itself, that comes back.
///
/// Delta debugging: runs of calls go, halves first, then ever shorter ones, until no single call can; then each argument is made plainer.
pub fn shrink(sequence: &Sequence, mut still_fires: impl FnMut(&Sequence) -> bool) -> Sequence {
    let mut left = MOST;
    let mut fires = |sequence: &Sequence| {
        left = left.saturating_sub(1);
        left > 0 && still_fires(sequence)
    };
    let mut best = sequence.clone();
    if !fires(&best) {
        return best;
    }
    loop {
        let before = best.clone();
        drop_calls(&mut best, &mut fires);
        plainer(&mut best, &mut fires);
        if best == before {
            return best;
        }
    }
}

fn drop_calls(best: &mut Sequence, fires: &mut impl FnMut(&Sequence) -> bool) {
    let mut run = best.calls.len().div_ceil(2).max(1);
    loop {
        let mut from = 0;
        let mut gone = false;
        while from < best.calls.len() {
            let fewer = best.without(|place| (from..from + run).contains(&place));
            if fewer.calls.len() < best.calls.len() && fires(&fewer) {
                *best = fewer;
                gone = true;
            } else {
                from += run;
            }
        }
        if run == 1 && !gone {
            return;
        }
        run = (run / 2).max(1);
    }
}

fn plainer(best: &mut Sequence, fires: &mut impl FnMut(&Sequence) -> bool) {
    for place in 0..best.calls.len() {
        for at in 0..best.calls[place].arguments.len() {
            let kind = best.calls[place].function.parameters()[at];
            for argument in candidates(&best.calls[place].arguments[at], kind) {
                let mut plain = best.clone();
                if plain.calls[place].arguments[at] == argument {
                    break;
                }
                plain.calls[place].arguments[at] = argument;
                if fires(&plain) {
                    *best = plain;
                    break;
                }
            }
        }
    }
}

/// Plainer values for an argument, the plainest first. What comes after the value itself is not plainer.
fn candidates(argument: &Argument, kind: Kind) -> Vec<Argument> {
    match (argument, kind) {
        (Argument::Number(_) | Argument::Result(_), Kind::Descriptor | Kind::Directory) => vec![Argument::Number(3)],
        (Argument::Number(number), Kind::Flags(_) | Kind::Rights) => {
            let all = super::call::all_rights();
            let mut plain = vec![Argument::Number(0)];
            if kind == Kind::Rights {
                plain.push(Argument::Number(all));
            }
            // With one flag less each.
            let bits = (0..64).filter(|bit| number & (1 << bit) != 0);
            if *number != all {
                plain.extend(bits.map(|bit| Argument::Number(number & !(1 << bit))));
            }
            plain
        }
        (Argument::Number(_), _) => vec![Argument::Number(0), Argument::Number(1)],
        (Argument::Bytes(bytes), _) => {
            let mut plain: Vec<Argument> = [&b"f"[..], b"d", b"."].map(|name| Argument::Bytes(name.to_vec())).into();
            // Without one of its parts each.
            let parts: Vec<&[u8]> = bytes.split(|byte| *byte == b'/').collect();
            plain.retain(|_| bytes.len() > 1);
            plain.extend((0..parts.len()).filter(|_| parts.len() > 1).map(|gone| {
                let left = parts.iter().enumerate().filter(|(place, _)| *place != gone).map(|(_, part)| *part);
                Argument::Bytes(left.collect::<Vec<_>>().join(&b'/'))
            }));
            plain
        }
        (Argument::Buffers(buffers), _) => {
            let mut plain = Vec::new();
            if buffers.len() > 1 {
                plain.extend(buffers.iter().map(|buffer| Argument::Buffers(vec![buffer.clone()])));
            }
            if let [Buffer::Bytes(bytes)] = buffers.as_slice()
                && bytes.len() > 1
            {
                plain.push(Argument::Buffers(vec![Buffer::Bytes(bytes[..1].to_vec())]));
            }
            plain
        }
        (Argument::Subscriptions(all), _) if all.len() > 1 => {
            all.iter().map(|one| Argument::Subscriptions(vec![*one])).collect()
        }
        (Argument::Pointer(_), Kind::Out(_) | Kind::Opened) => vec![Argument::Own],
        (Argument::Span(..), Kind::Room) => vec![Argument::Room(64)],
        (Argument::Span(..), Kind::Path) => vec![Argument::Bytes(b"f".to_vec())],
        (
            Argument::Result(_)
            | Argument::Subscriptions(_)
            | Argument::Own
            | Argument::Room(_)
            | Argument::Pointer(_)
            | Argument::Span(..),
            _,
        ) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_matter_goes_and_what_matters_stays() {
        let long = "\
sched_yield()
path_create_directory(3, \"x\")
path_symlink(\"..\", 3, \"n0\")
r3 = path_open(3, FOLLOW, \"d/../n0/\", CREAT|DIRECTORY, FD_READ|FD_WRITE, ALL, 0, _)
fd_write(r3, [\"abcdef\", \"x\"], _)
random_get(#64)
fd_close(r3)
";
        // A made-up fault: a link that leads up, and then a path with a slash at its end that is opened as a directory.
        let fires = |sequence: &Sequence| {
            let text = sequence.to_string();
            let link = text.lines().position(|line| line.starts_with("path_symlink(\"..\""));
            let open =
                text.lines().position(|line| line.contains("n0/\", DIRECTORY") || line.contains("n0/\", CREAT|DIR"));
            link.zip(open).is_some_and(|(link, open)| link < open)
        };
        let small = shrink(&long.parse().unwrap(), fires);
        assert_eq!(
            small.to_string(),
            "path_symlink(\"..\", 3, \"f\")\nr1 = path_open(3, 0, \"n0/\", DIRECTORY, 0, 0, 0, _)\n"
        );
    }

    #[test]
    fn what_never_fires_comes_back_as_it_is() {
        let sequence: Sequence = "sched_yield()\nfd_close(3)\n".parse().unwrap();
        assert_eq!(shrink(&sequence, |_| false), sequence);
    }
}
