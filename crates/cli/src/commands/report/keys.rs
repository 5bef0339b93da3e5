//! Keys in files.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};
use gauntlet_record::exit;
use gauntlet_report::bundle::{KeyKind, MAX_KEY_BYTES, PublicKey, SigningKey};

use super::write_file;
use crate::failure::Failure;

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  gauntlet report keygen gauntlet.key
  gauntlet report keygen cosign.key --kind ecdsa-p256

The public side goes beside it, as KEY.pub. Exit codes: 0 made, 2 a file is there already or cannot be written.")]
pub(super) struct Keygen {
    /// The file of the private key. Nobody else may read it.
    #[arg(value_name = "KEY")]
    key: PathBuf,
    /// Ed25519 is for `gauntlet report verify`; cosign and others know ECDSA.
    #[arg(long, value_enum, default_value_t = Kind::Ed25519)]
    kind: Kind,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    Ed25519,
    EcdsaP256,
}

pub(super) fn keygen(args: &Keygen) -> Result<u8, Failure> {
    let kind = match args.kind {
        Kind::Ed25519 => KeyKind::Ed25519,
        Kind::EcdsaP256 => KeyKind::EcdsaP256,
    };
    let public_path = with_pub(&args.key);
    if public_path.exists() {
        return Err(Failure::usage(anyhow!("`{}` is there already", public_path.display())));
    }
    let pem = SigningKey::generate(kind).map_err(Failure::harness)?;
    let public = SigningKey::from_pem(&pem).map_err(Failure::harness)?.public().clone();
    let write = || -> anyhow::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&args.key)?;
        file.write_all(pem.as_bytes())?;
        Ok(file.sync_all()?)
    };
    write().with_context(|| format!("cannot make `{}`", args.key.display())).map_err(Failure::usage)?;
    write_file(&public_path, public.to_pem().as_bytes())?;
    anstream::eprintln!(
        "{} key {:.16}: {} and {}",
        kind.as_str(),
        public.id(),
        args.key.display(),
        public_path.display()
    );
    Ok(exit::CLEAN)
}

fn with_pub(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// A private key. A file that others can read or write is no secret and is refused.
pub(super) fn private(path: &Path) -> Result<SigningKey, Failure> {
    let key = || -> anyhow::Result<SigningKey> {
        let file = fs::File::open(path)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            anyhow::bail!("it is no regular file");
        }
        if meta.mode() & 0o077 != 0 {
            anyhow::bail!(
                "others may read or write it (mode {:o}): `chmod 600` it, and make a new one if somebody might have",
                meta.mode() & 0o777
            );
        }
        let own = rustix::process::geteuid().as_raw();
        if meta.uid() != own && meta.uid() != 0 {
            anyhow::bail!("it belongs to somebody else (user {})", meta.uid());
        }
        let mut text = String::new();
        file.take(MAX_KEY_BYTES as u64 + 1).read_to_string(&mut text)?;
        Ok(SigningKey::from_pem(&text)?)
    };
    key().with_context(|| format!("cannot use the key `{}`", path.display())).map_err(Failure::usage)
}

/// A public key, or the public side of a private one.
pub(super) fn public(path: &Path) -> Result<PublicKey, Failure> {
    let key = || -> anyhow::Result<PublicKey> {
        let bytes = gauntlet_policy::read_limited(path, MAX_KEY_BYTES as u64)?;
        Ok(PublicKey::from_pem(std::str::from_utf8(&bytes)?)?)
    };
    key().with_context(|| format!("cannot use the key `{}`", path.display())).map_err(Failure::usage)
}
