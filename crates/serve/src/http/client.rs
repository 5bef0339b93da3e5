//! Who sent a request: its address, its key, its tenant.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::Request;
use axum::http::header::{self, HeaderValue};

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
    let lines: Vec<&HeaderValue> = request.headers().get_all("x-forwarded-for").iter().collect();
    Ok(forwarded(&lines, &app.settings.proxies).unwrap_or(peer))
}

/// The last entry that is no proxy of ours: everything before it is whatever the client wrote. One that is no address ends the search, so
/// that nobody's own words take its place.
fn forwarded(lines: &[&HeaderValue], proxies: &[IpAddr]) -> Option<IpAddr> {
    for line in lines.iter().rev() {
        for entry in line.to_str().ok()?.rsplit(',') {
            let address = entry.trim().parse::<IpAddr>().ok()?.to_canonical();
            if !proxies.contains(&address) {
                return Some(address);
            }
        }
    }
    None
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_the_nearest_proxy_wrote_and_nothing_before_it() {
        let proxies = ["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let cases: [(&[&'static str], Option<&str>); 9] = [
            (&["192.0.2.7"], Some("192.0.2.7")),
            (&["6.6.6.6, 192.0.2.7, 10.0.0.2"], Some("192.0.2.7")),
            (&["6.6.6.6", "::ffff:192.0.2.7"], Some("192.0.2.7")),
            (&["6.6.6.6", "192.0.2.7", "10.0.0.1"], Some("192.0.2.7")),
            (&["6.6.6.6, 192.0.2.7:4711"], None),
            (&["6.6.6.6, unknown, 10.0.0.2"], None),
            (&["6.6.6.6", ""], None),
            (&["10.0.0.2"], None),
            (&[], None),
        ];
        for (lines, found) in cases {
            let values: Vec<HeaderValue> = lines.iter().map(|line| HeaderValue::from_static(line)).collect();
            let values: Vec<&HeaderValue> = values.iter().collect();
            assert_eq!(forwarded(&values, &proxies), found.map(|found| found.parse().unwrap()), "{lines:?}");
        }
    }
}
