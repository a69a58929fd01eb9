//! A TCP proxy that makes faults on purpose: it cuts, stalls, delays, throttles and refuses the
//! connections to a server, by order (the demo's lab) or by a seeded plan (the end-to-end tests).

mod control;
mod head;
mod lab;
mod pipe;
mod plan;
mod queue;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use head::{HeadError, Purpose};
use lab::Lab;

/// Most connections at a time; more wait in the operating system's queue.
const CONNECTIONS_MAX: usize = 512;
/// Rest after a failed accept, for instance because file descriptors ran out.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// Listens on `listen`, prints the address on standard output, and passes connections on to
/// `upstream` until the process ends.
pub(crate) async fn listen(listen: SocketAddr, upstream: SocketAddr) -> io::Result<()> {
    let listener = TcpListener::bind(listen).await?;
    println!("listening on http://{}", listener.local_addr()?);
    run(listener, upstream).await;
    Ok(())
}

/// Passes the connections of `listener` on to `upstream`. Never returns; dropping it ends all.
pub(crate) async fn run(listener: TcpListener, upstream: SocketAddr) {
    let lab = Arc::new(Lab::new());
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((client, _)) = listener.accept().await else {
            tokio::time::sleep(ACCEPT_REST).await;
            continue;
        };
        while connections.try_join_next().is_some() {}
        let lab = Arc::clone(&lab);
        connections.spawn(async move {
            serve(client, upstream, &lab).await;
            drop(place);
        });
    }
}

async fn serve(mut client: TcpStream, upstream: SocketAddr, lab: &Arc<Lab>) {
    let head = match head::read(&mut client).await {
        Ok(head) => head,
        Err(HeadError::Malformed(reason)) => {
            return control::answer_malformed(client, &reason).await;
        }
        Err(HeadError::Gone) => return,
    };
    let (lab_id, is_line) = match head.purpose {
        Purpose::Control { method, path, body_length, body } => {
            return control::answer(client, lab, &method, &path, body_length, body).await;
        }
        Purpose::Line { lab } => (lab, true),
        Purpose::Plain => (None, false),
    };
    let server = match lab.admit(lab_id, is_line) {
        Some(ticket) => TcpStream::connect(upstream).await.ok().map(|server| (server, ticket)),
        None => None,
    };
    // A refused connection was accepted to learn its lab id; the reset is what it sees instead.
    let Some((server, ticket)) = server else {
        let _ = client.set_zero_linger();
        return;
    };
    // Delays are this proxy's business alone.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    pipe::carry(client, server, head.bytes, &ticket).await;
}
