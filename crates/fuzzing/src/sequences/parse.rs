//! The text of a sequence, read: garbage is refused with its line.

use std::str::FromStr;

use super::call::{Argument, Buffer, Call, MAX_CALLS, NoSequence, Sequence, Subscription, all_rights};
use super::functions::{Function, Kind, RIGHTS};

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
