//! The languages of guests, as the service offers them.

use gauntlet_guests::{Guests, GuestsError, Kind, Source, SourceFile};
use gauntlet_policy::Stdin;
use gauntlet_serve::{Language, LanguageError, Languages, Prepared, Program};

/// What the page begins with.
const EXAMPLES: &[(&str, &str)] = &[
    (
        "python",
        "import sys\n\nprint(\"Hello from Python\", sys.version.split()[0])\nprint(sum(n * n for n in range(10)))\n",
    ),
    (
        "javascript",
        "const squares = [...Array(10).keys()].map((n) => n * n);\nconsole.log(\"Hello from JavaScript\", squares.join(\" \"));\n",
    ),
];

/// Interpreters that were built with `gauntlet guests build`.
///
/// Languages that are compiled are not offered: a compiler is a program of this host, which the limits of a run do not hold.
pub(super) struct Interpreters(pub(super) Guests);

impl Languages for Interpreters {
    fn list(&self) -> Vec<Language> {
        let interpreted = self.0.languages().into_iter().filter(|language| language.kind == Kind::Interpreter);
        interpreted
            .map(|language| Language {
                id: language.id.clone(),
                aliases: language.aliases.clone(),
                name: language.name.clone(),
                version: language.version.clone().unwrap_or_default(),
                available: language.ready,
                note: if language.ready { String::new() } else { language.hint.clone() },
                example: EXAMPLES.iter().find(|(id, _)| *id == language.id).map_or("", |(_, code)| code).to_owned(),
            })
            .collect()
    }

    fn job(&self, program: &Program<'_>) -> Result<Prepared, LanguageError> {
        let mut source = Source::new(program.code);
        source.stdin = program.stdin.to_vec();
        source.files = program
            .files
            .iter()
            .map(|(path, bytes)| SourceFile { path: path.to_string_lossy().into_owned(), bytes: bytes.clone() })
            .collect();
        let mut policy = program.policy.clone();
        // What the request sends is there to be read.
        policy.grants.stdin.value = Stdin::Inherit;
        let mut prepared = self.0.job(program.language, &source, &policy).map_err(|error| match error {
            GuestsError::UnknownLanguage(_) => LanguageError::Unknown,
            GuestsError::NotBuilt { .. } => LanguageError::Unavailable("the operator has not built it".to_owned()),
            GuestsError::Unfit(why) => LanguageError::Code(why),
            other => LanguageError::Host(gauntlet_target::error_chain(&other)),
        })?;
        let job = std::mem::take(&mut prepared.job);
        Ok(Prepared { job, files: Some(Box::new(prepared)) })
    }

    fn shared(&self, _: &str) -> bool {
        true
    }
}
