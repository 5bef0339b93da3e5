//! Programs in a language: which one, and the job that they become.

use std::path::Path;

use anyhow::anyhow;
use gauntlet_guests::{Guests, GuestsError, Kind, Language, Prepared, Source, SourceFile};
use gauntlet_policy::{Policy, Stdin, read_limited};
use gauntlet_sandbox::Pool;
use gauntlet_target::TargetError;

use crate::args::Exec;
use crate::commands::guests;
use crate::failure::Failure;

/// The preset that holds for programs where no policy is named: starting an interpreter takes more than `strict` lets through.
pub(super) const DEFAULT_POLICY: &str = "code-runner";
/// Most bytes of a program.
const MAX_CODE: u64 = 16 << 20;
/// Most bytes of a program's files together.
const MAX_FILES: u64 = 64 << 20;

/// A program's language, and the guests for it.
pub(super) struct Chosen {
    guests: Guests,
    language: Language,
}

/// The language of a program; none if the file is a guest as it is.
pub(super) fn of(path: &Path, args: &Exec) -> Result<Option<Chosen>, Failure> {
    let choose = |name: &str| {
        let guests = guests::open(args.cache.as_deref())?;
        let language = guests.language(name).map_err(Failure::usage)?.clone();
        Ok(Some(Chosen { guests, language }))
    };
    if let Some(name) = &args.language {
        return choose(name);
    }
    if path == Path::new("-") {
        return Err(Failure::usage(anyhow!("a program on standard input needs its language: --language NAME")));
    }
    // `--wat`, `--invoke` and signatures are for guests as they are, and so are bytes that begin like one, whatever their name.
    if args.wat || args.invoke.is_some() || args.signature.is_some() || begins_like_wasm(path) {
        return Ok(None);
    }
    let known = Guests::closed("");
    match known.language_of(path) {
        // A file called so whose bytes are not: the executor refuses it by name.
        Some(language) if path.extension().is_none_or(|extension| extension != "wasm") => choose(&language.id),
        _ => Ok(None),
    }
}

fn begins_like_wasm(path: &Path) -> bool {
    use std::io::Read as _;
    // A device or a pipe is not looked into.
    let plain = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    let mut magic = [0; 4];
    plain && std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"\0asm"
}

impl Chosen {
    /// The job of a program.
    pub(super) fn job(&self, path: &Path, args: &Exec, policy: &Policy) -> Result<Prepared, Failure> {
        let mut source = Source::default();
        if path == Path::new("-") {
            source.code = super::stdin()?;
        } else {
            source.code = read(path, MAX_CODE, "the program")?;
            source.name = path.file_name().map(|name| name.to_string_lossy().into_owned());
            if policy.grants.stdin.value == Stdin::Inherit {
                source.stdin = super::stdin()?;
            }
        }
        source.arguments.clone_from(&args.arguments);
        let mut left = MAX_FILES;
        for file in &args.file {
            let name = file.file_name().and_then(|name| name.to_str());
            let name = name.ok_or_else(|| Failure::usage(anyhow!("`{}` has no name to find it by", file.display())))?;
            let bytes = read(file, left, "the file")?;
            left = left.saturating_sub(bytes.len() as u64);
            source.files.push(SourceFile { path: name.to_owned(), bytes });
        }
        self.guests.job(&self.language.id, &source, policy).map_err(unusable)
    }

    /// What runs it: a worker that finds the interpreter compiled.
    pub(super) fn pool(&self) -> Result<Pool, TargetError> {
        let pool = Pool::builder().min(0).max(1).on_demand();
        if self.language.kind != Kind::Interpreter {
            return pool.build();
        }
        pool.shared_cache(self.guests.compiled(), guests::KEPT).compiling_within(guests::COMPILING).build()
    }
}

fn read(path: &Path, most: u64, what: &str) -> Result<Vec<u8>, Failure> {
    read_limited(path, most).map_err(|error| {
        Failure::usage(anyhow::Error::new(error).context(format!("cannot use {what} `{}`", path.display())))
    })
}

/// Why a program cannot become a job: mostly the input's fault.
fn unusable(error: GuestsError) -> Failure {
    match error {
        GuestsError::DoesNotCompile { messages } => Failure::usage(anyhow!("the program does not compile"))
            .drawing(gauntlet_record::GuestText::unescaped(messages.as_bytes()).as_str().to_owned()),
        GuestsError::Unconfined(_) | GuestsError::Io { .. } | GuestsError::CompileLimit { .. } => {
            Failure::harness(error)
        }
        error => Failure::usage(error),
    }
}
