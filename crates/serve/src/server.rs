//! The listener: connections with bounds on their number, their time and their heads, and an end that waits for what runs.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use gauntlet_target::TargetError;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use crate::http::{self, App, Peer};
use crate::languages::Languages;
use crate::rates::{KeyRates, Rate};
use crate::runs::Runs;
use crate::settings::Settings;
use crate::store::{Store, StoreError};

/// Most bytes of a request's head.
const HEAD: usize = 32 << 10;
/// Most headers of a request.
const HEADERS: usize = 64;
/// How long a connection may go on after it was told to end.
const LAST: Duration = Duration::from_secs(5);
/// How long to wait when the system gives no further descriptor.
const BREATH: Duration = Duration::from_millis(50);

/// A service that cannot begin.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data directory cannot be made or written.
    #[error("cannot use the data directory `{}`", path.display())]
    Data {
        /// The path.
        path: std::path::PathBuf,
        /// What the system answered.
        source: io::Error,
    },
    /// The store cannot be used.
    #[error("cannot use the store for keys and usage")]
    Store(#[from] StoreError),
    /// The audit log cannot be used.
    #[error(transparent)]
    Audit(#[from] gauntlet_sandbox::audit::AuditError),
    /// The executor cannot be used under this policy on this host.
    #[error("cannot make the executor")]
    Executor(#[from] TargetError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system answered.
        source: io::Error,
    },
    /// Nobody would be asked for a key.
    #[error(
        "there is no API key, and {0} can be reached from other machines: make one first with `gauntlet serve keys create`"
    )]
    Open(SocketAddr),
    /// Metrics are collected once a process.
    #[error("the metrics of this process are collected by somebody else")]
    Metrics,
}

/// A service that is ready to listen.
pub struct Server {
    app: Arc<App>,
    router: Router,
    listener: std::net::TcpListener,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("settings", &self.app.settings).finish_non_exhaustive()
    }
}

impl Server {
    /// Opens everything that the service needs and begins to listen; nothing is answered yet.
    ///
    /// # Errors
    ///
    /// If the data directory, the store, the audit log, the executor or the address cannot be used, or if the address can be reached from
    /// elsewhere and there is no key.
    pub fn open(settings: Settings, languages: Arc<dyn Languages>) -> Result<Self, StartError> {
        data(&settings)?;
        raise_descriptors();
        let store = Arc::new(Store::open(&settings.store)?);
        let reachable = !settings.listen.ip().is_loopback();
        if reachable && !store.any_key()? {
            return Err(StartError::Open(settings.listen));
        }
        let listen = |source| StartError::Listen { address: settings.listen, source };
        let listener = std::net::TcpListener::bind(settings.listen).map_err(listen)?;
        listener.set_nonblocking(true).map_err(listen)?;
        let metrics = recorder()?;
        let runs = Arc::new(Runs::new(&settings, Arc::clone(&store), Arc::clone(&languages))?);
        let app = Arc::new(App {
            addresses: Rate::per_minute(settings.limits.address_rate),
            wrong_keys: Rate::per_minute(settings.limits.wrong_keys),
            keys: KeyRates::new(),
            draining: AtomicBool::new(false),
            settings,
            store,
            runs,
            languages,
            metrics,
            reachable,
        });
        Ok(Self { router: http::router(Arc::clone(&app)), app, listener })
    }

    /// Where it listens.
    ///
    /// # Errors
    ///
    /// If the system does not say.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Whether whoever asks needs a key.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub fn asks_for_keys(&self) -> Result<bool, StartError> {
        Ok(self.app.reachable || self.app.store.any_key()?)
    }

    /// Serves until `stop` is done, then lets what runs come to its end. Says whether all of it did, within the time for it.
    ///
    /// # Errors
    ///
    /// If the runtime or the listener cannot be used.
    pub fn serve(self, stop: impl Future<Output = ()> + Send + 'static) -> io::Result<bool> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().thread_name("gauntlet-serve").build()?;
        let drained = runtime.block_on(self.run(stop))?;
        // Runs that did not end in time are ended with this process's descriptors: workers see that their parent is gone.
        runtime.shutdown_timeout(Duration::from_secs(1));
        Ok(drained)
    }

    async fn run(self, stop: impl Future<Output = ()> + Send) -> io::Result<bool> {
        let Self { app, router, listener } = self;
        let listener = TcpListener::from_std(listener)?;
        let ahead = Arc::clone(&app);
        tokio::task::spawn_blocking(move || ahead.runs.warm_up(&ahead.settings.policy));
        let most = u32::try_from(app.settings.limits.connections).unwrap_or(u32::MAX).min(u32::MAX >> 4);
        let places = Arc::new(Semaphore::new(most as usize));
        let each = Arc::default();
        let (ending, ends) = watch::channel(false);
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, peer) = tokio::select! {
                () = &mut stop => break,
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(_) => {
                        // No descriptor is left, or the client has gone already: neither ends the service.
                        tokio::time::sleep(BREATH).await;
                        continue;
                    }
                },
            };
            // One connection too many is closed at once: whoever is there already is served, and nobody takes all places.
            let free =
                || Some((Place::of(&app.settings, &each, peer.ip())?, Arc::clone(&places).try_acquire_owned().ok()?));
            let Some(place) = free() else {
                metrics::counter!("gauntlet_serve_connections_refused_total").increment(1);
                continue;
            };
            let service = Peered { router: TowerToHyperService::new(router.clone()), peer };
            let connection = connection(stream, service, Arc::clone(&app), ends.clone());
            tokio::spawn(async move {
                connection.await;
                drop(place);
            });
        }
        drop(listener);
        app.draining.store(true, Ordering::Release);
        let _ = ending.send(true);
        let drained = tokio::time::timeout(app.settings.drain, places.acquire_many(most)).await;
        Ok(drained.is_ok())
    }
}

/// Connections by where they come from.
type Each = Arc<Mutex<BTreeMap<IpAddr, usize>>>;

/// A connection's place among those of its address, free again when this is dropped.
struct Place(Option<(Each, IpAddr)>);

impl Place {
    /// A place, if the address has one left. A proxy of ours brings everybody's connections, and has as many as it likes.
    fn of(settings: &Settings, each: &Each, address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        if settings.proxies.contains(&address) {
            return Some(Self(None));
        }
        let address = crate::rates::network(address);
        let mut taken = each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= settings.limits.connections_each.max(1) {
            return None;
        }
        *count += 1;
        Some(Self(Some((Arc::clone(each), address))))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((each, address)) = &self.0 else { return };
        let mut taken = each.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(address) {
            *count -= 1;
            if *count == 0 {
                taken.remove(address);
            }
        }
    }
}

/// Serves one connection.
async fn connection(stream: TcpStream, service: Peered, app: Arc<App>, mut ends: watch::Receiver<bool>) {
    let limits = &app.settings.limits;
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let told = async move {
        let _ = ends.wait_for(|ends| *ends).await;
    };
    tokio::select! {
        _ = connection.as_mut() => return,
        () = told => {
            // What it is asked now is answered; nothing further is read.
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
            return;
        }
        () = tokio::time::sleep(limits.connection_time) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = tokio::time::timeout(LAST + limits.patience, connection).await;
}

/// The routes, for one connection.
#[derive(Clone)]
struct Peered {
    router: TowerToHyperService<Router>,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Peered {
    type Response = <TowerToHyperService<Router> as hyper::service::Service<hyper::Request<Incoming>>>::Response;
    type Error = <TowerToHyperService<Router> as hyper::service::Service<hyper::Request<Incoming>>>::Error;
    type Future = <TowerToHyperService<Router> as hyper::service::Service<hyper::Request<Incoming>>>::Future;

    fn call(&self, mut request: hyper::Request<Incoming>) -> Self::Future {
        request.extensions_mut().insert(Peer(self.peer));
        self.router.call(request)
    }
}

/// The data directory, which nobody else on this host may list.
fn data(settings: &Settings) -> Result<(), StartError> {
    use std::os::unix::fs::DirBuilderExt as _;
    let failed = |source| StartError::Data { path: settings.data.clone(), source };
    std::fs::DirBuilder::new().recursive(true).mode(0o711).create(&settings.data).map_err(failed)
}

/// As many descriptors as the system lets us have: each connection takes one, each run a few.
fn raise_descriptors() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
}

/// The collector of metrics: one a process, also of several services.
fn recorder() -> Result<PrometheusHandle, StartError> {
    static COLLECTED: Mutex<Option<PrometheusHandle>> = Mutex::new(None);
    let mut collected = COLLECTED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(handle) = &*collected {
        return Ok(handle.clone());
    }
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|_| StartError::Metrics)?;
    gauntlet_sandbox::metrics::describe();
    *collected = Some(handle.clone());
    Ok(handle)
}

#[cfg(test)]
mod tests {
    use gauntlet_policy::Policy;

    use super::*;

    #[test]
    fn one_address_takes_its_share_of_connections_and_gives_it_back() {
        let mut settings = Settings::new("nowhere", Policy::default());
        settings.limits.connections_each = 2;
        settings.proxies = vec!["10.0.0.1".parse().unwrap()];
        let each = Each::default();
        let place = |address: &str| Place::of(&settings, &each, address.parse().unwrap());
        let held = (place("192.0.2.7").unwrap(), place("::ffff:192.0.2.7").unwrap());
        assert!(place("192.0.2.7").is_none());
        assert!(place("192.0.2.8").is_some());
        let network = (place("2001:db8::1").unwrap(), place("2001:db8::2").unwrap());
        assert!(place("2001:db8::3").is_none() && place("2001:db8:0:1::3").is_some());
        let proxied: Vec<_> = (0..9).map(|_| place("10.0.0.1").unwrap()).collect();
        drop(held.0);
        assert!(place("192.0.2.7").is_some());
        drop((held.1, network, proxied));
        assert!(each.lock().unwrap().is_empty(), "nothing is kept of who has gone");
    }
}
