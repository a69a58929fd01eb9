//! A bridge to a WebSocket server that knows nothing of Tautline: every session of a
//! `ReliableWebSocket` gets a plain WebSocket of its own to the server behind. The tests run
//! unmodified libraries over it.
//!
//! A client of `/line/PATH` is connected to `/PATH` at the server behind. The library does not tell
//! when a session expires: a page that goes without closing its socket leaves the plain one open.

use std::collections::HashMap;
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::http::Uri;
use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tautline_protocol::SessionId;
use tautline_server::{
    Credentials, Denied, Handler, Identity, Message, Payload, Refusal, Server, serve_app,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use tower_http::services::ServeDir;

/// Messages on their way to the server behind; more wait with their handler.
const QUEUE: usize = 64;
/// RFC 6455: the connection ended without a Close frame.
const ABNORMAL: u16 = 1006;

/// A bridge from lines to a WebSocket server.
#[derive(Parser)]
struct Options {
    /// Address and port to listen on
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address and port of the WebSocket server behind
    #[arg(long)]
    backend: SocketAddr,
    /// Directory of files to serve at /
    #[arg(long)]
    r#static: Option<PathBuf>,
}

struct Bridge {
    backend: SocketAddr,
    server: OnceLock<Server<Self>>,
    sockets: Mutex<HashMap<SessionId, mpsc::Sender<Frame>>>,
}

impl Handler for Bridge {
    async fn authorize(&self, _: Credentials) -> Result<Identity, Denied> {
        Ok(Identity::anonymous())
    }

    async fn send(&self, message: Message<'_>) -> Result<(), Refusal> {
        let frame = match message.payload.as_str() {
            Some(text) => Frame::text(text),
            None => Frame::binary(message.payload.bytes().clone()),
        };
        self.pass_on(message.caller.session, frame).await
    }

    /// `open` and `close` of a `ReliableWebSocket`.
    async fn request(&self, message: Message<'_>) -> Result<Payload, Refusal> {
        let session = message.caller.session;
        let asked: Value = serde_json::from_slice(message.payload.bytes()).unwrap_or_default();
        let answer = if let Some(open) = asked.get("open") {
            self.open(session, open).await.map_err(|error| {
                Refusal::new("unreachable", format!("the server behind: {error}"))
            })?
        } else {
            let close = asked.get("close").unwrap_or(&Value::Null);
            self.pass_on(session, Frame::Close(close_frame(close))).await?;
            self.closed(session).await;
            None
        };
        Ok(Payload::encoded_text(json!(answer).to_string()))
    }
}

impl Bridge {
    /// Connects a session to the server behind; returns the subprotocol that it chose.
    async fn open(
        &self,
        session: SessionId,
        open: &Value,
    ) -> Result<Option<String>, Box<dyn Error + Send + Sync>> {
        let url: Uri = open["url"].as_str().unwrap_or_default().parse()?;
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let path = path.strip_prefix("/line").unwrap_or(path);
        let mut request =
            ClientRequestBuilder::new(format!("ws://{}{path}", self.backend).parse()?);
        for protocol in open["protocols"].as_array().into_iter().flatten() {
            request = request.with_sub_protocol(protocol.as_str().unwrap_or_default());
        }
        let (socket, response) = connect_async(request).await?;
        let chosen = response.headers().get("sec-websocket-protocol");
        let chosen = chosen.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (sender, frames) = mpsc::channel(QUEUE);
        let server = self.server.get().ok_or("the bridge is not ready")?.clone();
        self.sockets().insert(session, sender);
        tokio::spawn(carry(server, session, socket, frames));
        Ok(chosen)
    }

    async fn pass_on(&self, session: SessionId, frame: Frame) -> Result<(), Refusal> {
        let sender = self.sockets().get(&session).cloned();
        // Without one, the server behind has closed, and the client is being told.
        if let Some(sender) = sender {
            let _ = sender.send(frame).await;
        }
        Ok(())
    }

    /// Waits until the server behind has closed.
    async fn closed(&self, session: SessionId) {
        let sender = self.sockets().get(&session).cloned();
        if let Some(sender) = sender {
            sender.closed().await;
        }
    }

    fn sockets(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, mpsc::Sender<Frame>>> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Carries messages between one session and its socket, until that ends.
async fn carry(
    server: Server<Bridge>,
    session: SessionId,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    mut frames: mpsc::Receiver<Frame>,
) {
    let (mut sink, mut stream) = socket.split();
    let mut close = json!({ "code": ABNORMAL });
    loop {
        tokio::select! {
            Some(frame) = frames.recv() => {
                if sink.send(frame).await.is_err() {
                    break;
                }
            }
            received = stream.next() => {
                let payload = match received {
                    Some(Ok(Frame::Text(text))) => Payload::text(text.as_str()),
                    Some(Ok(Frame::Binary(bytes))) => Payload::binary(bytes),
                    Some(Ok(Frame::Close(frame))) => {
                        close = frame.map_or_else(|| json!({}), |CloseFrame { code, reason }| {
                            json!({ "code": u16::from(code), "reason": reason.as_str() })
                        });
                        continue;
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => break,
                };
                if server.push(session, payload).await.is_err() {
                    break;
                }
            }
        }
    }
    let told = Payload::encoded_text(json!({ "close": close }).to_string());
    // It fails if the session has ended: then there is nobody to tell.
    let _ = server.push(session, told).await;
    server.handler().sockets().remove(&session);
}

fn close_frame(close: &Value) -> Option<CloseFrame> {
    let code = u16::try_from(close["code"].as_u64()?).ok()?;
    let reason = close["reason"].as_str().unwrap_or_default().to_owned();
    Some(CloseFrame { code: code.into(), reason: reason.into() })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let listener = TcpListener::bind(options.listen).await?;
    let bridge =
        Bridge { backend: options.backend, server: OnceLock::new(), sockets: Mutex::default() };
    let server = Server::new(Default::default(), bridge);
    let _ = server.handler().server.set(server.clone());
    let mut app = Router::new();
    for path in ["/line", "/line/", "/line/{*path}"] {
        app = app.route(path, server.route());
    }
    if let Some(directory) = options.r#static {
        app = app.fallback_service(ServeDir::new(directory));
    }
    let mut stdout = std::io::stdout();
    writeln!(stdout, "listening on http://{}", listener.local_addr()?)?;
    stdout.flush()?;
    let interrupted = async { drop(tokio::signal::ctrl_c().await) };
    serve_app(listener, &server, app, interrupted).await;
    Ok(())
}
