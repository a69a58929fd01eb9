//! From an HTTP request to a connection: the checks that need no HELLO.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{
    ALLOW, CONNECTION, RETRY_AFTER, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use tautline_protocol::{CloseCode, SUBPROTOCOL};

use crate::admission::Crowded;
use crate::connection::{self, Connection, Peer, Transport};
use crate::engine::Engine;
use crate::escaped::Escaped;
use crate::handler::Handler;
use crate::origin::check_origin;
use crate::server::Shared;
use crate::sockets::Activity;
use crate::websocket::Upgrade;

/// Every version of the protocol is called like this.
const PROTOCOL_PREFIX: &str = "tautline.";
/// The only one there is (RFC 6455, 4.4).
const WEBSOCKET_VERSION: &str = "13";

/// What becomes of a connection that is not let in although it is upgraded: only a close code
/// tells the page's script why, a failed upgrade does not.
struct TurnedAway {
    code: CloseCode,
    reason: String,
}

pub(crate) async fn upgrade<H: Handler, E: Engine>(
    shared: Arc<Shared<H, E>>,
    request: Request,
) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0);
    let activity = request.extensions().get::<Activity>().cloned();
    let (mut parts, _) = request.into_parts();
    let origin = match check_origin(&parts.headers, &parts.uri, &shared.config.allowed_origins) {
        Ok(origin) => origin,
        Err(refused) => {
            let sentence = refused.sentence();
            let (peer, why) = (Peer::name(address), Escaped(sentence.trim_end()));
            tracing::warn!("refused the origin of a page from {peer}: {why}");
            return (StatusCode::FORBIDDEN, sentence).into_response();
        }
    };
    let Upgrade { websocket, upgraded } = match Upgrade::of(&mut parts).await {
        Ok(upgrade) => upgrade,
        Err(rejection) => return not_a_websocket(&parts.method, &rejection),
    };
    if let Err(sentence) = check_handshake(&parts.headers) {
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    }
    let Some((websocket, is_known)) = choose_protocol(websocket) else {
        let sentence = format!(
            "The WebSocket does not offer the subprotocol {SUBPROTOCOL}. Connect with a Tautline \
             client.\n"
        );
        return (StatusCode::BAD_REQUEST, sentence).into_response();
    };
    let upgrade = Upgrade { websocket, upgraded };
    if !is_known {
        let reason = format!("this server speaks {SUBPROTOCOL}");
        return turn_away(&shared, upgrade, TurnedAway { code: CloseCode::VERSION, reason });
    }
    let peer = Peer { address, origin };
    let admitted = match shared.admission.admit(address.map(|at| at.ip()), &shared.config) {
        Ok(admitted) => admitted,
        Err(crowded) => return turn_away(&shared, upgrade, too_many(crowded)),
    };
    if !shared.holdings.has_room() {
        let reason = "the server's memory for connections is used up".into();
        return turn_away(&shared, upgrade, TurnedAway { code: CloseCode::FULL, reason });
    }
    // Taken here and not in the task, so that from now on a shutdown waits for it.
    let (task, abort) = (shared.tasks.token(), shared.abort.clone());
    let Some(enrolled) = shared.enroll() else { return going_away() };
    upgrade.accept(async move |socket| {
        let transport = Transport::new(socket, activity);
        // Apart from its task, which would take as much again.
        let connection = Box::pin(Connection::new(shared, transport, enrolled, peer).run());
        abort.run_until_cancelled(connection).await;
        drop((admitted, task));
    })
}

/// Answers a request that is not the beginning of a WebSocket, or not of one as this server knows it.
fn not_a_websocket(method: &Method, rejection: &WebSocketUpgradeRejection) -> Response {
    use WebSocketUpgradeRejection as Rejection;
    let sentence = "This is where Tautline lines connect to. Open it with a client, as a WebSocket: \
                    connect(\"wss://...\") in the npm package tautline.\n";
    let required = || {
        let mut response = (StatusCode::UPGRADE_REQUIRED, sentence).into_response();
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static(WEBSOCKET_VERSION));
        response
    };
    match rejection {
        Rejection::MethodNotGet(_) if *method != Method::HEAD => {
            let allow = [(ALLOW, HeaderValue::from_static("GET, HEAD"))];
            (StatusCode::METHOD_NOT_ALLOWED, allow, sentence).into_response()
        }
        Rejection::MethodNotGet(_)
        | Rejection::InvalidConnectionHeader(_)
        | Rejection::InvalidUpgradeHeader(_)
        | Rejection::InvalidWebSocketVersionHeader(_)
        | Rejection::ConnectionNotUpgradable(_) => required(),
        _ => (rejection.status(), sentence).into_response(),
    }
}

/// Checks what axum leaves open of RFC 6455, section 4.2.1: what may be there once only, and the key.
fn check_handshake(headers: &HeaderMap) -> Result<(), String> {
    for name in [SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION] {
        if headers.get_all(&name).iter().count() > 1 {
            return Err(format!("The request has more than one {name}.\n"));
        }
    }
    if headers.get(SEC_WEBSOCKET_KEY).is_some_and(is_key) {
        return Ok(());
    }
    Err(format!("Expected 16 bytes in base64 as {SEC_WEBSOCKET_KEY}, found something else.\n"))
}

/// 16 bytes in base64 are 22 characters and two that fill up.
fn is_key(value: &HeaderValue) -> bool {
    let is_digit = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
    value
        .as_bytes()
        .strip_suffix(b"==")
        .is_some_and(|digits| digits.len() == 22 && digits.iter().all(is_digit))
}

/// Chooses the subprotocol; tells whether it is one that this server knows. `None` if no version
/// of this protocol is offered. PROTOCOL.md V-1.
fn choose_protocol(websocket: WebSocketUpgrade) -> Option<(WebSocketUpgrade, bool)> {
    let mut websocket = websocket.protocols([SUBPROTOCOL]);
    if websocket.selected_protocol().is_some() {
        return Some((websocket, true));
    }
    let is_version =
        |offer: &&HeaderValue| offer.as_bytes().starts_with(PROTOCOL_PREFIX.as_bytes());
    let unknown = websocket.requested_protocols().find(is_version)?.clone();
    websocket.set_selected_protocol(unknown);
    Some((websocket, false))
}

fn too_many(crowded: Crowded) -> TurnedAway {
    match crowded {
        Crowded::Full => TurnedAway {
            code: CloseCode::FULL,
            reason: "the server has as many connections as it may".into(),
        },
        Crowded::Address(address) => TurnedAway {
            code: CloseCode::TOO_MANY,
            reason: format!("{address} has as many connections as it may"),
        },
    }
}

fn turn_away<H: Handler, E: Engine>(
    shared: &Arc<Shared<H, E>>,
    upgrade: Upgrade,
    TurnedAway { code, reason }: TurnedAway,
) -> Response {
    tracing::warn!("turned a connection away with {code}: {reason}");
    // They are bounded apart, and few, because they are told quickly.
    let Ok(permit) = shared.turning_away.clone().try_acquire_owned() else { return full() };
    let (task, abort) = (shared.tasks.token(), shared.abort.clone());
    upgrade.accept(async move |socket| {
        abort.run_until_cancelled(connection::turn_away(socket, code, &reason)).await;
        drop((permit, task));
    })
}

fn full() -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static("10"))];
    (StatusCode::SERVICE_UNAVAILABLE, retry, "The server is full.\n").into_response()
}

fn going_away() -> Response {
    (StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down.\n").into_response()
}
