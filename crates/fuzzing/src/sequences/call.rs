//! Sequences of calls, and their text: one call a line, lossless both ways.

use std::fmt;

use super::functions::{Function, Kind, RIGHTS};

/// Calls that a guest makes one after the other.
///
/// As text, one call a line:
///
/// ```
/// use gauntlet_fuzzing::sequences::Sequence;
///
/// let text = "\
/// path_symlink(\"..\", 3, \"l\")
/// r1 = path_open(3, FOLLOW, \"l/\", DIRECTORY, ALL, ALL, 0, _)
/// fd_readdir(r1, #256, 0, _)
/// ";
/// let sequence: Sequence = text.parse()?;
/// assert_eq!(sequence.calls.len(), 3);
/// assert_eq!(sequence.to_string(), text);
/// # Ok::<(), gauntlet_fuzzing::sequences::NoSequence>(())
/// ```
///
/// `r1` is the descriptor that the call of that number opened, `_` a place of its own for a result, `#256` a buffer of its own of so many
/// bytes, `@8` a pointer and `@8:5` a pointer with a length. `ALL~FD_WRITE` are all rights but one. Lines that begin with `#` are comments.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// The calls.
    pub calls: Vec<Call>,
}

/// One call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// What is called.
    pub function: Function,
    /// What with: one value for each of its parameters.
    pub arguments: Vec<Argument>,
}

/// What a parameter is filled with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A number, flags, or one of several values, as it is passed.
    Number(u64),
    /// The descriptor that an earlier call opened, by that call's number.
    Result(usize),
    /// Bytes of a path.
    Bytes(Vec<u8>),
    /// Buffers.
    Buffers(Vec<Buffer>),
    /// What is waited for.
    Subscriptions(Vec<Subscription>),
    /// A place of its own, as large as the result.
    Own,
    /// A buffer of its own, of so many bytes.
    Room(u32),
    /// Any address of the guest's memory, or of none.
    Pointer(u32),
    /// Any address with any length.
    Span(u32, u32),
}

/// One buffer of several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Buffer {
    /// Bytes to write out.
    Bytes(Vec<u8>),
    /// Room to read into.
    Room(u32),
    /// Any address with any length: buffers may lie over each other.
    Span(u32, u32),
}

/// One thing that is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subscription {
    /// A clock: its number, the time, its flags.
    Clock(u32, u64, u16),
    /// That a descriptor can be read.
    Read(u32),
    /// That a descriptor can be written.
    Write(u32),
}

/// A text is no sequence of calls.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
#[error("line {line}: {why}")]
pub struct NoSequence {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub why: String,
}

/// Most calls that are read from a text: more than any batch has, few enough for their records to stay small.
pub(super) const MAX_CALLS: usize = 1 << 16;

impl Sequence {
    /// The sequence without some of its calls. A descriptor that one of them opened becomes that of the first granted directory.
    #[must_use]
    pub fn without(&self, gone: impl Fn(usize) -> bool) -> Self {
        let mut places = Vec::with_capacity(self.calls.len());
        let mut calls = Vec::with_capacity(self.calls.len());
        for (place, call) in self.calls.iter().enumerate() {
            if gone(place) {
                places.push(None);
                continue;
            }
            places.push(Some(calls.len()));
            let arguments = call.arguments.iter().map(|argument| match argument {
                Argument::Result(of) => {
                    places.get(*of).copied().flatten().map_or(Argument::Number(3), Argument::Result)
                }
                other => other.clone(),
            });
            calls.push(Call { function: call.function, arguments: arguments.collect() });
        }
        Self { calls }
    }

    /// Puts another sequence behind this one.
    pub fn append(&mut self, other: &Self) {
        let before = self.calls.len();
        self.calls.extend(other.calls.iter().map(|call| {
            let arguments = call.arguments.iter().map(|argument| match argument {
                Argument::Result(of) => Argument::Result(of + before),
                other => other.clone(),
            });
            Call { function: call.function, arguments: arguments.collect() }
        }));
    }

    /// Puts calls of a function without arguments in the place of others.
    pub(super) fn replace(&mut self, by: &str, these: impl Fn(&Call) -> bool) {
        let Some(function) = Function::named(by).filter(|function| function.parameters().is_empty()) else { return };
        for call in self.calls.iter_mut().filter(|call| these(call)) {
            *call = Call { function, arguments: Vec::new() };
        }
    }

    /// Whether it names addresses by number, so that it may write over its own records.
    #[must_use]
    pub fn names_addresses(&self) -> bool {
        self.calls.iter().flat_map(|call| &call.arguments).any(|argument| match argument {
            Argument::Pointer(_) | Argument::Span(..) => true,
            Argument::Buffers(buffers) => buffers.iter().any(|buffer| matches!(buffer, Buffer::Span(..))),
            Argument::Number(_)
            | Argument::Result(_)
            | Argument::Bytes(_)
            | Argument::Subscriptions(_)
            | Argument::Own
            | Argument::Room(_) => false,
        })
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, call) in self.calls.iter().enumerate() {
            if call.function.parameters().contains(&Kind::Opened) {
                write!(f, "r{place} = ")?;
            }
            writeln!(f, "{call}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.function.name())?;
        for (place, (argument, kind)) in self.arguments.iter().zip(self.function.parameters()).enumerate() {
            if place > 0 {
                f.write_str(", ")?;
            }
            show(f, argument, *kind)?;
        }
        f.write_str(")")
    }
}

fn show(f: &mut fmt::Formatter<'_>, argument: &Argument, kind: Kind) -> fmt::Result {
    match argument {
        Argument::Number(number) => match kind {
            Kind::Flags(names) => flags(f, *number, names),
            Kind::Rights => rights(f, *number),
            Kind::Choice(names) => match usize::try_from(*number).ok().and_then(|at| names.get(at)) {
                Some(name) => f.write_str(name),
                None => write!(f, "{number}"),
            },
            Kind::Offset => write!(f, "{}", number.cast_signed()),
            _ => write!(f, "{number}"),
        },
        Argument::Result(of) => write!(f, "r{of}"),
        Argument::Bytes(bytes) => quoted(f, bytes),
        Argument::Buffers(buffers) => list(f, buffers, |f, buffer| match buffer {
            Buffer::Bytes(bytes) => quoted(f, bytes),
            Buffer::Room(bytes) => write!(f, "#{bytes}"),
            Buffer::Span(at, length) => write!(f, "@{at}:{length}"),
        }),
        Argument::Subscriptions(subscriptions) => list(f, subscriptions, |f, subscription| match subscription {
            Subscription::Clock(id, time, flags) => write!(f, "clock({id}, {time}, {flags})"),
            Subscription::Read(descriptor) => write!(f, "read({descriptor})"),
            Subscription::Write(descriptor) => write!(f, "write({descriptor})"),
        }),
        Argument::Own => f.write_str("_"),
        Argument::Room(bytes) => write!(f, "#{bytes}"),
        Argument::Pointer(at) => write!(f, "@{at}"),
        Argument::Span(at, length) => write!(f, "@{at}:{length}"),
    }
}

/// All rights that there are.
pub(super) fn all_rights() -> u64 {
    (1 << RIGHTS.len()) - 1
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    one: impl Fn(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    f.write_str("[")?;
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            f.write_str(", ")?;
        }
        one(f, item)?;
    }
    f.write_str("]")
}

fn flags(f: &mut fmt::Formatter<'_>, bits: u64, names: &[&str]) -> fmt::Result {
    if bits == 0 {
        return f.write_str("0");
    }
    let mut rest = bits;
    let mut between = "";
    for (bit, name) in names.iter().enumerate() {
        if bits & (1 << bit) != 0 {
            write!(f, "{between}{name}")?;
            rest &= !(1 << bit);
            between = "|";
        }
    }
    if rest != 0 {
        write!(f, "{between}{rest:#x}")?;
    }
    Ok(())
}

/// Rights by name; where most of them are there, those that are not.
fn rights(f: &mut fmt::Formatter<'_>, bits: u64) -> fmt::Result {
    let missing = all_rights() & !bits;
    if bits & !all_rights() != 0 || missing.count_ones() > 6 {
        return flags(f, bits, RIGHTS);
    }
    f.write_str("ALL")?;
    for (bit, name) in RIGHTS.iter().enumerate() {
        if missing & (1 << bit) != 0 {
            write!(f, "~{name}")?;
        }
    }
    Ok(())
}

fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_str("\"")?;
    for byte in bytes {
        match byte {
            b'"' => f.write_str("\\\"")?,
            b'\\' => f.write_str("\\\\")?,
            b' '..=b'~' => write!(f, "{}", char::from(*byte))?,
            other => write!(f, "\\x{other:02x}")?,
        }
    }
    f.write_str("\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_argument_survives_a_round_trip() {
        let text = "\
path_symlink(\"..\\x00\\\"\\\\\", 3, \"l\")
r1 = path_open(3, FOLLOW|0x80, \"l/\", CREAT|DIRECTORY, FD_READ|FD_WRITE, ALL, 0, _)
r2 = path_open(r1, 0, @4294967295:5, 0, 0, 0, NONBLOCK, @7)
r3 = path_open(3, 0, \"f\", 0, ALL~FD_TELL~FD_WRITE, FD_READ|0x40000000, 0, _)
fd_read(r1, [#16, @100:16], _)
fd_pwrite(r2, [\"abc\", \"\"], 18446744073709551615, @1)
fd_seek(r1, -1, END, _)
fd_seek(5, 1, 77, _)
fd_write(1, @0:3, _)
poll_oneoff([clock(1, 1000, 0), read(0), write(1)], _)
poll_oneoff(@8:2, _)
random_get(#64)
random_get(@65535:64)
sched_yield()
guest.grow(1)
guest.trap()
";
        let sequence: Sequence = text.parse().unwrap();
        assert_eq!(sequence.to_string(), text);
        assert!(sequence.names_addresses());
    }

    #[test]
    fn what_is_no_call_is_refused_with_its_line() {
        for (text, line, why) in [
            ("fd_close(3)\nfd_open(3)", 2, "no function"),
            ("fd_close", 1, "no call"),
            ("fd_close(3", 1, "`)` is missing"),
            ("fd_close(3) x", 1, "stands behind"),
            ("fd_close(r0)", 1, "no earlier call"),
            ("r1 = path_open(3, 0, \"f\", 0, 0, 0, 0, _)", 1, "this is call 0"),
            ("fd_close(4294967296)", 1, "32 bits"),
            ("path_unlink_file(3, \"\\q\")", 1, "`\\` is followed"),
            ("path_unlink_file(3, \"a", 1, "does not end"),
            ("# nothing\n\npoll_oneoff([sleep(1)], _)", 3, "nobody can wait"),
            ("path_unlink_file(3, \"\\x9\u{e9}\")", 1, "hex digits"),
        ] {
            let wrong = text.parse::<Sequence>().unwrap_err();
            assert_eq!(wrong.line, line, "{text}");
            assert!(wrong.why.contains(why), "{text}: {}", wrong.why);
        }
    }

    #[test]
    fn calls_that_go_take_their_results_with_them() {
        let text = "r0 = path_open(3, 0, \"a\", 0, 0, 0, 0, _)\nr1 = path_open(r0, 0, \"b\", 0, 0, 0, 0, _)\nfd_renumber(r0, r1)\n";
        let sequence: Sequence = text.parse().unwrap();
        let left = sequence.without(|place| place == 0);
        assert_eq!(left.to_string(), "r0 = path_open(3, 0, \"b\", 0, 0, 0, 0, _)\nfd_renumber(3, r0)\n");
        let mut twice = left.clone();
        twice.append(&left);
        assert!(twice.to_string().ends_with("fd_renumber(3, r2)\n"));
    }
}
