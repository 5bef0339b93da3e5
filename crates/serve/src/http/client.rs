//! Who sent a request: its address, its key, its tenant.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header;

use super::{App, blocking};
use crate::keys::{self, Scope};
use crate::problem::{Kind, Problem};
use crate::runs::unavailable;
use crate::store::Tenant;

/// The tenant of whoever sits at this machine, where there are no keys.
const LOCAL: &str = "local";

/// The other end of a connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

/// Whose request this is.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) tenant: Tenant,
}

/// The address that a request comes from: the peer's, or what a proxy of ours says of its own peer.
pub(super) fn address(app: &App, request: &Request) -> Result<IpAddr, Problem> {
    let Some(Peer(peer)) = request.extensions().get::<Peer>().copied() else {
        return Err(Problem::new(Kind::InvalidRequest, "the connection has no address"));
    };
    let peer = peer.ip().to_canonical();
    if !app.settings.proxies.contains(&peer) {
        return Ok(peer);
    }
    // The last entry that is no proxy of ours: everything before it is whatever the client wrote.
    let lines = request.headers().get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let entries: Vec<IpAddr> =
        lines.flat_map(|line| line.split(',')).filter_map(|entry| entry.trim().parse().ok()).collect();
    Ok(entries.into_iter().map(|it| it.to_canonical()).rfind(|it| !app.settings.proxies.contains(it)).unwrap_or(peer))
}

/// The token of a request, if it has one.
fn token(request: &Request) -> Result<Option<String>, Problem> {
    let Some(value) = request.headers().get(header::AUTHORIZATION) else { return Ok(None) };
    let invalid = || Problem::new(Kind::KeyInvalid, "`Authorization` is not `Bearer` and a key");
    let text = value.to_str().map_err(|_| invalid())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(invalid)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(Some(token.to_owned())) } else { Err(invalid()) }
}

/// Finds out whose request this is and takes one of the key's rate. What of the request is needed is taken from it at once.
pub(super) fn identify(
    app: &Arc<App>,
    request: &Request,
    scope: Scope,
) -> impl Future<Output = Result<Client, Problem>> + Send + use<> {
    let app = Arc::clone(app);
    let sent = address(&app, request).and_then(|address| Ok((crate::rates::network(address), token(request)?)));
    async move {
        let (address, token) = sent?;
        client(&app, address, token, scope).await
    }
}

async fn client(app: &Arc<App>, address: IpAddr, token: Option<String>, scope: Scope) -> Result<Client, Problem> {
    let (store, reachable) = (Arc::clone(&app.store), app.reachable);
    let Some(token) = token else {
        // Keys may be made while the service runs: from then on they are asked for.
        let needed = reachable || blocking(move || store.any_key().map_err(|error| unavailable(&error))).await??;
        if needed {
            return Err(Problem::new(Kind::KeyMissing, "send `Authorization: Bearer KEY`"));
        }
        return Ok(Client { tenant: Tenant { name: LOCAL.to_owned(), ..Tenant::default() } });
    };
    let checked = blocking(move || keys::check(&store, &token).map_err(|error| unavailable(&error))).await??;
    let (held, tenant, id) = match checked {
        Ok(held) => held,
        Err(problem) => {
            // Guesses are counted apart, and much more narrowly than requests.
            app.wrong_keys.take(&address).map_err(|wait| {
                Problem::new(Kind::RateExceeded, "too many wrong keys from this address").retry_after(wait)
            })?;
            return Err(problem);
        }
    };
    let rate = tenant.per_minute.map_or(app.settings.limits.key_rate, |rate| u32::try_from(rate).unwrap_or(u32::MAX));
    app.keys
        .take(&id, rate)
        .map_err(|wait| Problem::new(Kind::RateExceeded, "too many requests with this key").retry_after(wait))?;
    if held != scope {
        return Err(Problem::new(Kind::KeyScope, format!("this is for keys of the scope `{}`", scope.as_str())));
    }
    Ok(Client { tenant })
}
