//! Code runners broken on purpose: our service with one mistake each.

mod error_text;
mod no_rate_limit;
mod shared_scratch;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use gauntlet_policy::Policy;
use gauntlet_serve::{Languages, Server, Settings, StartError};
use tempfile::TempDir;
use tokio::sync::oneshot;

/// A mistake that code runners were seen to make, and a service that makes it.
#[derive(Debug, Clone, Copy)]
pub struct Service {
    /// Its name, in words joined by hyphens.
    pub name: &'static str,
    /// The mistake, in one sentence.
    pub sentence: &'static str,
    /// What is set otherwise than in a sound service.
    set: fn(&mut Settings, &Path),
    /// The languages, some of which make the mistake.
    languages: fn(&Path) -> Arc<dyn Languages>,
}

/// Every one of them.
#[must_use]
pub fn services() -> &'static [Service] {
    &[no_rate_limit::SERVICE, shared_scratch::SERVICE, error_text::SERVICE]
}

/// The same service without a mistake: what gets through here, too, is no sign of one.
#[must_use]
pub const fn sound_service() -> Service {
    Service { name: "sound", sentence: "nothing is wrong with it", set: |_, _| {}, languages: sound }
}

/// What every one of them begins with. Its runs are short, so that attacks are.
const POLICY: &str = "version: 1
limits: { deadline: 2s, cpu-time: 2s, fuel: 1_000_000_000, memory: 64MiB, table-elements: 20_000 }
";

/// A service that runs, on loopback and a port of its own. Dropping it ends it.
#[derive(Debug)]
pub struct Running {
    /// Where it is.
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    _data: TempDir,
}

impl Service {
    /// Starts it. Workers are this program started again, so its `main` has to begin with `gauntlet_sandbox::worker_main`.
    ///
    /// # Errors
    ///
    /// If this host cannot run the service.
    pub fn start(&self) -> Result<Running, StartError> {
        let failed = |source| StartError::Data { path: std::env::temp_dir(), source };
        let data = tempfile::tempdir().map_err(failed)?;
        let policy = Policy::parse(self.name, POLICY).unwrap_or_default();
        let mut settings = Settings::new(data.path().join("data"), policy);
        settings.listen.set_port(0);
        (self.set)(&mut settings, data.path());
        let server = Server::open(settings, (self.languages)(data.path()))?;
        let address = server.address().map_err(failed)?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let _ = server.serve(async {
                let _ = stopped.await;
            });
        });
        Ok(Running { address, stop: Some(stop), thread: Some(thread), _data: data })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The languages of a sound service.
fn sound(_: &Path) -> Arc<dyn Languages> {
    Arc::new(gauntlet_serve::Wasm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_every_file() {
        let files = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/services")).unwrap();
        let mut names: Vec<String> = files
            .filter_map(|file| file.ok()?.file_name().into_string().ok()?.strip_suffix(".rs").map(str::to_owned))
            .filter(|name| name != "mod")
            .map(|name| name.replace('_', "-"))
            .collect();
        names.sort();
        let mut listed: Vec<&str> = services().iter().map(|service| service.name).collect();
        listed.sort_unstable();
        assert_eq!(names, listed);
        assert!(Policy::parse("t", POLICY).is_ok());
    }
}
