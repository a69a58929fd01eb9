//! The signals that the program is sent: those that ask it to end, and those that do not.

use super::log;

/// Ready on Ctrl-C and, on Unix, on SIGTERM, from the call on; a second Ctrl-C ends the program at once.
/// Errors are sentences.
pub(crate) fn asked_to_end() -> Result<impl Future<Output = ()> + Send, String> {
    let (mut interrupts, mut terminations) = (Signals::interrupts()?, Signals::terminations()?);
    Ok(async move {
        tokio::select! {
            () = interrupts.next() => {}
            () = terminations.next() => {}
        }
        tokio::spawn(async move {
            interrupts.next().await;
            tracing::warn!("interrupted again: ending at once");
            log::flush();
            std::process::exit(130);
        });
    })
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn interrupts() -> Result<Self, String> {
        Self::listen("SIGINT", tokio::signal::unix::SignalKind::interrupt())
    }

    fn terminations() -> Result<Self, String> {
        Self::listen("SIGTERM", tokio::signal::unix::SignalKind::terminate())
    }

    fn listen(name: &str, kind: tokio::signal::unix::SignalKind) -> Result<Self, String> {
        let signals = tokio::signal::unix::signal(kind);
        signals.map(Self).map_err(|error| format!("cannot listen for {name}: {error}"))
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Interrupts, or none at all.
#[cfg(not(unix))]
struct Signals(bool);

#[cfg(not(unix))]
impl Signals {
    fn interrupts() -> Result<Self, String> {
        Ok(Self(true))
    }

    fn terminations() -> Result<Self, String> {
        Ok(Self(false))
    }

    async fn next(&mut self) {
        if !self.0 || tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Stays alive when it is sent what tells other servers to read their settings or to open their log anew,
/// or that a terminal has been closed: by default each of these would cut every line without a word.
#[cfg(unix)]
pub(crate) fn outlive_the_others() {
    use tokio::signal::unix::SignalKind;
    let others = [
        ("SIGHUP", SignalKind::hangup()),
        ("SIGUSR1", SignalKind::user_defined1()),
        ("SIGUSR2", SignalKind::user_defined2()),
    ];
    for (name, kind) in others {
        match Signals::listen(name, kind) {
            Ok(mut signals) => drop(tokio::spawn(async move {
                loop {
                    signals.next().await;
                    tracing::warn!(
                        "{name} is ignored, there is nothing to read anew: SIGTERM ends the server"
                    );
                }
            })),
            Err(sentence) => tracing::error!("{sentence}"),
        }
    }
}

#[cfg(not(unix))]
pub(crate) fn outlive_the_others() {}
