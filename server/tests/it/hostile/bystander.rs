//! A client that keeps talking, and notices if anything is not as it should be.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tautline_protocol::message::Start;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::client::Client;
use crate::world::soon;

pub(super) struct Bystander {
    /// How many messages it has exchanged, and the longest that it has waited for one.
    exchanged: watch::Receiver<(u64, Duration)>,
    leave: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Bystander {
    /// Begins to publish to a topic that it reads itself, one message after the other.
    pub(super) async fn settle(address: SocketAddr) -> Self {
        let mut client = Client::open(address, 250).await;
        let (stream, _) = client.subscribe("peace", Start::Last(0)).await;
        let (said, exchanged) = watch::channel((0, Duration::ZERO));
        let (leave, mut left) = oneshot::channel();
        let task = tokio::spawn(async move {
            while left.try_recv().is_err() {
                let (before, slowest) = *said.borrow();
                let (next, asked_at) = (before + 1, Instant::now());
                client.publish("peace", &next.to_string());
                assert_eq!(client.next(stream).await, (next, next.to_string()), "once, in order");
                said.send_replace((next, slowest.max(asked_at.elapsed())));
                // Somebody who talks, and not a load of its own.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            assert_eq!(client.machine.stats().connections, 1, "it was never cut off");
        });
        Self { exchanged, leave, task }
    }

    /// Waits until it has exchanged some more messages.
    pub(super) async fn goes_on(&self) {
        let mut exchanged = self.exchanged.clone();
        let (before, _) = *exchanged.borrow();
        let some_more = exchanged.wait_for(|(now, _)| *now >= before + 20);
        soon(some_more).await.expect("the bystander is alive");
    }

    /// The longest that it has waited for an answer.
    pub(super) fn slowest(&self) -> Duration {
        self.exchanged.borrow().1
    }

    /// It leaves, unharmed.
    pub(super) async fn leave(self) {
        self.leave.send(()).unwrap();
        soon(self.task).await.unwrap();
    }
}
