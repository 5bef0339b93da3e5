//! `gauntlet import`: a policy of another host as one of ours.

use std::io::Read as _;
use std::path::Path;

use anyhow::anyhow;
use gauntlet_lint::foreign;
use gauntlet_policy::{LoadError, MAX_POLICY_BYTES, Policy, read_limited};
use gauntlet_record::{GuestText, exit};

use crate::args::{Import, ImportFormat};
use crate::failure::Failure;
use crate::inputs;

pub(super) fn run(args: &Import) -> Result<u8, Failure> {
    let (name, text) = read(&args.file)?;
    let faulty = |faults| inputs::unusable(&name, LoadError::Faults { text: text.clone(), faults });
    let Some(kind) = foreign::recognise(&text) else {
        let known: Vec<&str> = foreign::Kind::ALL.iter().map(|kind| kind.as_str()).collect();
        let ours = Policy::parse(&name, &text).is_ok();
        let hint =
            if ours { "it is one of ours already".to_owned() } else { format!("known are: {}", known.join(", ")) };
        return Err(Failure::usage(anyhow!("`{name}` is no policy of another host that we know; {hint}")));
    };
    let policy = foreign::read(kind, &name, &text).map_err(faulty)?;
    let part = policy.part(args.part.as_deref()).map_err(|error| {
        Failure::usage(
            anyhow::Error::new(error).context(format!("cannot tell which guest of `{name}` is meant; see --part")),
        )
    })?;
    let imported = foreign::import(&policy, part).map_err(faulty)?;
    match args.format {
        ImportFormat::Yaml => super::print(imported.yaml.as_bytes())?,
    }
    for left in &imported.left {
        let note = format!("{name}:{}:{}: {}: {}", left.span.line, left.span.column, left.what, left.why);
        anstream::eprintln!("{}", GuestText::new(note.as_bytes(), 1024).as_str());
    }
    Ok(exit::CLEAN)
}

/// The name and text of a file or of standard input.
fn read(file: &Path) -> Result<(String, String), Failure> {
    let name = file.display().to_string();
    let bytes = if name == "-" {
        let mut bytes = Vec::new();
        let limited = std::io::stdin().lock().take(MAX_POLICY_BYTES + 1).read_to_end(&mut bytes);
        match limited {
            Ok(_) if bytes.len() as u64 > MAX_POLICY_BYTES => Err(LoadError::TooLarge(MAX_POLICY_BYTES)),
            Ok(_) => Ok(bytes),
            Err(error) => Err(error.into()),
        }
    } else {
        read_limited(file, MAX_POLICY_BYTES)
    };
    let text = bytes.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| LoadError::NotUtf8(error.utf8_error().valid_up_to()))
    });
    let name = if name == "-" { "<stdin>".to_owned() } else { name };
    match text {
        Ok(text) => Ok((name, text)),
        Err(error) => Err(inputs::unusable(&name, error)),
    }
}
