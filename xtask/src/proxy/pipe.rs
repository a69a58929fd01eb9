//! One connection through the proxy: carries bytes both ways until it ends or is cut.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use super::lab::{Direction, Ticket};
use super::plan::{Appointment, Cut, InForce, Plan};
use super::queue::{End, Next, Queue};

/// Most bytes read at once.
const READ_BYTES_MAX: usize = 16 * 1024;
/// How long a stalled connection outlives the one who sent on it.
const STALL_TIME_MAX: Duration = Duration::from_secs(300);
/// How long a connection cut by FIN goes on swallowing what the peers still send.
const SWALLOW_TIME_MAX: Duration = Duration::from_secs(1);

/// The connection broke on one side, so it is broken on the other too.
struct Broken;

/// Carries `client` and `server` to each other; `opening` was read from the client already.
pub(crate) async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    opening: Vec<u8>,
    ticket: &Ticket,
) {
    let cut = {
        let (client_read, client_write) = client.split();
        let (server_read, server_write) = server.split();
        let up = flow(client_read, server_write, opening, Direction::Up, ticket);
        let down = flow(server_read, client_write, Vec::new(), Direction::Down, ticket);
        tokio::select! {
            ended = async { tokio::try_join!(up, down) } => ended.err().map(|Broken| Cut::Rst),
            cut = cut(ticket) => {
                ticket.count_cut();
                Some(cut)
            }
        }
    };
    match cut {
        Some(Cut::Rst) => reset(&client, &server),
        Some(Cut::Fin) => finish(&mut client, &mut server).await,
        None => {}
    }
}

/// A socket closed with a linger time of zero sends RST.
pub(crate) fn reset(client: &TcpStream, server: &TcpStream) {
    for stream in [client, server] {
        // Fails only on a socket that is gone already.
        let _ = stream.set_zero_linger();
    }
}

/// Ends both sides with FIN. Closing a socket with unread bytes would send RST instead, so what
/// the peers still send is read first.
async fn finish(client: &mut TcpStream, server: &mut TcpStream) {
    let swallow = async {
        let (client, server) = tokio::join!(swallow(client), swallow(server));
        client.and(server)
    };
    let _ = timeout(SWALLOW_TIME_MAX, swallow).await;
}

async fn swallow(stream: &mut TcpStream) -> io::Result<()> {
    stream.shutdown().await?;
    let mut bytes = vec![0; READ_BYTES_MAX];
    while stream.read(&mut bytes).await? > 0 {}
    Ok(())
}

/// Resolves when the connection is to be cut, by order or by plan.
async fn cut(ticket: &Ticket) -> Cut {
    let (mut orders, mut plan) = (ticket.orders.clone(), ticket.plan.clone());
    let mut appointment = appoint(&mut plan, ticket.is_line);
    loop {
        if let Some(cut) = orders.borrow_and_update().cut {
            return cut;
        }
        tokio::select! {
            Ok(()) = orders.changed() => {}
            Ok(()) = plan.changed() => appointment = appoint(&mut plan, ticket.is_line),
            Some(cut) = keep(appointment) => return cut,
        }
    }
}

fn appoint(plan: &mut watch::Receiver<Arc<InForce>>, is_line: bool) -> Option<(Instant, Cut)> {
    let in_force = plan.borrow_and_update();
    if in_force.plan.lines_only && !is_line {
        return None;
    }
    let Appointment { age, cut } = in_force.draw()?;
    Some((Instant::now() + age, cut))
}

async fn keep(appointment: Option<(Instant, Cut)>) -> Option<Cut> {
    let (at, cut) = appointment?;
    sleep_until(at).await;
    Some(cut)
}

/// Carries one direction to its end.
async fn flow(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    opening: Vec<u8>,
    direction: Direction,
    ticket: &Ticket,
) -> Result<(), Broken> {
    let mut orders = ticket.orders.clone();
    let mut queue = Queue::default();
    let mut incoming = vec![0; READ_BYTES_MAX];
    if !opening.is_empty() {
        ticket.count_bytes(direction, opening.len());
        queue.push(opening, Instant::now(), &plan_for(ticket));
    }
    loop {
        let is_stalled = orders.borrow_and_update().is_stalled(direction);
        let room = queue.room().min(READ_BYTES_MAX);
        tokio::select! {
            biased;
            Ok(()) = orders.changed() => {}
            () = leave(queue.next_at(), is_stalled) => {
                if is_stalled {
                    return Err(Broken);
                }
                if write(&mut queue, &mut to, ticket).await?.is_break() {
                    return Ok(());
                }
            }
            read = from.read(&mut incoming[..room]), if room > 0 => {
                let (now, plan) = (Instant::now(), plan_for(ticket));
                match read {
                    Ok(0) => queue.push_end(End::Finished, now, &plan),
                    Err(_) => queue.push_end(End::Broken, now, &plan),
                    Ok(count) => {
                        ticket.count_bytes(direction, count);
                        queue.push(incoming[..count].to_vec(), now, &plan);
                    }
                }
            }
        }
    }
}

/// Waits until the head of the queue may leave; while stalled, until the stall has lasted too long.
async fn leave(at: Option<Instant>, is_stalled: bool) {
    match at {
        Some(at) if is_stalled => sleep_until(at + STALL_TIME_MAX).await,
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Writes what is next. A receiver that takes no more ends only this direction: what it sent
/// before may still be on its way in the other.
async fn write(
    queue: &mut Queue,
    to: &mut (impl AsyncWrite + Unpin),
    ticket: &Ticket,
) -> Result<ControlFlow<()>, Broken> {
    let plan = plan_for(ticket);
    match queue.next(&plan) {
        None => Ok(ControlFlow::Continue(())),
        Some(Next::End(End::Broken)) => Err(Broken),
        Some(Next::End(End::Finished)) => {
            // Fails only if the receiver is gone already.
            let _ = to.shutdown().await;
            Ok(ControlFlow::Break(()))
        }
        Some(Next::Bytes(bytes)) => match to.write(bytes).await {
            Ok(count) if count > 0 => {
                queue.take(count, Instant::now(), &plan);
                Ok(ControlFlow::Continue(()))
            }
            Ok(_) | Err(_) => Ok(ControlFlow::Break(())),
        },
    }
}

/// The plan as far as it concerns this connection.
fn plan_for(ticket: &Ticket) -> Plan {
    let plan = ticket.plan.borrow().plan.clone();
    if plan.lines_only && !ticket.is_line { Plan::default() } else { plan }
}
