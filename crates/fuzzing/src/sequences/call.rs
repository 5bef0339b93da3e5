//! Sequences of calls, and their text: one call a line, lossless both ways.

use std::fmt;
use std::str::FromStr;

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
const MAX_CALLS: usize = 1 << 16;

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

impl FromStr for Sequence {
    type Err = NoSequence;

    fn from_str(text: &str) -> Result<Self, NoSequence> {
        let mut calls = Vec::new();
        for (line, words) in text.lines().enumerate() {
            let words = words.trim();
            if words.is_empty() || words.starts_with('#') {
                continue;
            }
            let wrong = |why: String| NoSequence { line: line + 1, why };
            if calls.len() == MAX_CALLS {
                return Err(wrong(format!("more than {MAX_CALLS} calls")));
            }
            calls.push(call(words, calls.len()).map_err(wrong)?);
        }
        Ok(Self { calls })
    }
}

fn call(line: &str, place: usize) -> Result<Call, String> {
    let (name, rest) = line.split_once('(').ok_or("no call: `name(` is missing")?;
    let name = match name.split_once('=') {
        Some((result, name)) => {
            if result.trim() != format!("r{place}") {
                return Err(format!("this is call {place}, so its result is `r{place}`"));
            }
            name.trim()
        }
        None => name.trim(),
    };
    let function = Function::named(name).ok_or_else(|| format!("no function is called `{name}`"))?;
    let mut reader = Reader { rest };
    let mut arguments = Vec::new();
    for (at, kind) in function.parameters().iter().enumerate() {
        if at > 0 {
            reader.take(",")?;
        }
        arguments.push(reader.argument(*kind, place)?);
    }
    reader.take(")")?;
    if !reader.rest.trim().is_empty() {
        return Err(format!("`{}` stands behind the call", reader.rest.trim()));
    }
    Ok(Call { function, arguments })
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn has(&mut self, token: &str) -> bool {
        self.skip();
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn take(&mut self, token: &str) -> Result<(), String> {
        if self.has(token) { Ok(()) } else { Err(format!("`{token}` is missing before `{}`", cut(self.rest))) }
    }

    fn word(&mut self) -> &str {
        self.skip();
        let end =
            self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn number(&mut self) -> Result<u64, String> {
        number(self.word())
    }

    fn short(&mut self) -> Result<u32, String> {
        u32::try_from(self.number()?).map_err(|_| "a number of more than 32 bits".to_owned())
    }

    fn bytes(&mut self) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(bytes);
                }
                '\\' => match letters.next().map(|(_, letter)| letter) {
                    Some('x') => {
                        let mut digit = || letters.next().and_then(|(_, letter)| letter.to_digit(16));
                        let byte = digit().zip(digit()).and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
                        bytes.push(byte.ok_or("`\\x` takes two hex digits")?);
                    }
                    Some(letter @ ('"' | '\\')) => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
                    _ => return Err("`\\` is followed by `x`, `\"` or `\\`".to_owned()),
                },
                letter => bytes.extend(letter.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        Err("a string does not end".to_owned())
    }

    /// `@8:5`, behind the `@`.
    fn span(&mut self) -> Result<(u32, u32), String> {
        let at = self.short()?;
        self.take(":")?;
        Ok((at, self.short()?))
    }

    fn items<T>(&mut self, mut one: impl FnMut(&mut Self) -> Result<T, String>) -> Result<Vec<T>, String> {
        let mut items = Vec::new();
        if self.has("]") {
            return Ok(items);
        }
        loop {
            items.push(one(self)?);
            if self.has("]") {
                return Ok(items);
            }
            self.take(",")?;
        }
    }

    fn argument(&mut self, kind: Kind, place: usize) -> Result<Argument, String> {
        match kind {
            Kind::Path => match self.has("@") {
                true => self.span().map(|(at, length)| Argument::Span(at, length)),
                false => {
                    self.take("\"")?;
                    self.bytes().map(Argument::Bytes)
                }
            },
            Kind::Gather | Kind::Scatter => match self.has("@") {
                true => self.span().map(|(at, count)| Argument::Span(at, count)),
                false => {
                    self.take("[")?;
                    self.items(Self::buffer).map(Argument::Buffers)
                }
            },
            Kind::Poll => match self.has("@") {
                true => self.span().map(|(at, count)| Argument::Span(at, count)),
                false => {
                    self.take("[")?;
                    self.items(Self::subscription).map(Argument::Subscriptions)
                }
            },
            Kind::Room => match self.has("@") {
                true => self.span().map(|(at, length)| Argument::Span(at, length)),
                false => {
                    self.take("#")?;
                    self.short().map(Argument::Room)
                }
            },
            Kind::Out(_) | Kind::Opened => match self.has("@") {
                true => self.short().map(Argument::Pointer),
                false => self.take("_").map(|()| Argument::Own),
            },
            Kind::Descriptor | Kind::Directory => {
                let word = self.word();
                match word.strip_prefix('r') {
                    Some(of) => match number(of)?.try_into() {
                        Ok(of) if of < place => Ok(Argument::Result(of)),
                        _ => Err(format!("`{word}` is no earlier call")),
                    },
                    None => half(number(word)?),
                }
            }
            Kind::Count => half(self.number()?),
            Kind::Word => self.number().map(Argument::Number),
            Kind::Offset => {
                let word = self.word();
                let number: i64 = word.parse().map_err(|_| format!("`{word}` is no number with a sign"))?;
                Ok(Argument::Number(number.cast_unsigned()))
            }
            Kind::Choice(names) => {
                let word = self.word();
                match names.iter().position(|name| *name == word) {
                    Some(at) => Ok(Argument::Number(at as u64)),
                    None => half(number(word)?),
                }
            }
            Kind::Flags(names) => half(self.flags(names)?),
            Kind::Rights => self.flags(RIGHTS).map(Argument::Number),
        }
    }

    fn flags(&mut self, names: &[&str]) -> Result<u64, String> {
        let mut bits = 0;
        loop {
            let word = self.word();
            bits |= match names.iter().position(|name| *name == word) {
                Some(bit) => 1 << bit,
                None if word == "ALL" && names == RIGHTS => all_rights(),
                None => number(word)?,
            };
            while self.has("~") {
                let word = self.word();
                let bit =
                    names.iter().position(|name| *name == word).ok_or_else(|| format!("`{}` is no flag", cut(word)))?;
                bits &= !(1 << bit);
            }
            if !self.has("|") {
                return Ok(bits);
            }
        }
    }

    fn buffer(&mut self) -> Result<Buffer, String> {
        if self.has("@") {
            return self.span().map(|(at, length)| Buffer::Span(at, length));
        }
        if self.has("#") {
            return self.short().map(Buffer::Room);
        }
        self.take("\"")?;
        self.bytes().map(Buffer::Bytes)
    }

    fn subscription(&mut self) -> Result<Subscription, String> {
        let kind = self.word().to_owned();
        self.take("(")?;
        let first = self.short()?;
        let subscription = match kind.as_str() {
            "read" => Subscription::Read(first),
            "write" => Subscription::Write(first),
            "clock" => {
                self.take(",")?;
                let time = self.number()?;
                self.take(",")?;
                let flags = u16::try_from(self.number()?).map_err(|_| "flags of more than 16 bits")?;
                Subscription::Clock(first, time, flags)
            }
            _ => return Err(format!("nobody can wait for `{}`", cut(&kind))),
        };
        self.take(")")?;
        Ok(subscription)
    }
}

fn number(word: &str) -> Result<u64, String> {
    let parsed = match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    };
    parsed.map_err(|_| format!("`{}` is no number", cut(word)))
}

/// A number that is passed in 32 bits.
fn half(number: u64) -> Result<Argument, String> {
    if number > u64::from(u32::MAX) {
        Err("a number of more than 32 bits".to_owned())
    } else {
        Ok(Argument::Number(number))
    }
}

/// The beginning of a text, for messages.
fn cut(text: &str) -> String {
    text.chars().take(20).collect()
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
