//! The end of a connection: the peer is told, and what was begun is brought to its end.

use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use tautline_protocol::session::{Config, Output};
use tautline_protocol::{CloseCode, Instant, Session};

use super::transport::Transport;
use super::{Connection, Held};
use crate::engine::Engine;
use crate::handler::Handler;
use crate::websocket::WebSocket;

/// How long the last packets may take to leave, and the peer to confirm the end, before it is cut
/// off.
const FAREWELL: Duration = Duration::from_secs(1);

impl<H: Handler, E: Engine> Connection<H, E> {
    pub(super) async fn finish(mut self) {
        let label = self.label();
        let farewell = farewell(self.machine, self.transport, self.ended_with);
        let settle = async {
            let Some(Held { session, lease, .. }) = self.held.take() else { return };
            // A message whose handling has begun has to be committed before anyone else opens
            // the session, or it would be handled twice.
            self.intake.rest().await;
            if let Err(error) = self.intake.commit(&session).await {
                tracing::error!("{label}: what was handled at the end is not committed: {error}");
            }
            if self.said_bye {
                self.shared.engine.forget(session).await;
            } else {
                drop(session);
            }
            drop(lease);
        };
        let (code, ()) = tokio::join!(farewell, settle);
        match code {
            Some(code) => tracing::debug!("{label}: ended with {code}"),
            None => tracing::debug!("{label}: closed by the client or cut"),
        }
    }
}

/// Ends a connection that is not let in.
pub(crate) async fn turn_away(socket: WebSocket, code: CloseCode, reason: &str) {
    let mut machine = Session::new(Config::default(), Instant::default());
    match code {
        // A client of another version might not understand a frame of this one.
        CloseCode::VERSION => machine.hang_up(code),
        _ => machine.refuse(code, 0, reason),
    }
    farewell(machine, Transport::new(socket, None), None).await;
}

/// Sends what the machine still has to say, and closes.
async fn farewell(
    mut machine: Session,
    mut transport: Transport,
    mut code: Option<CloseCode>,
) -> Option<CloseCode> {
    let told = async {
        if code.is_none() {
            code = last_words(&mut machine, &mut transport).await;
        }
        transport.close(code).await;
    };
    let _ = tokio::time::timeout(FAREWELL, told).await;
    code
}

/// Drains the machine; returns the code that it hangs up with.
async fn last_words(machine: &mut Session, transport: &mut Transport) -> Option<CloseCode> {
    poll_fn(|cx| {
        while transport.poll_ready(cx).is_ready() {
            match machine.poll_output() {
                Output::Transmit(packet) => transport.send(packet),
                Output::HangUp(code) => return Poll::Ready(Some(code)),
                Output::Idle { .. } => return Poll::Ready(None),
                _ => {}
            }
        }
        Poll::Pending
    })
    .await
}
