//! The pump: inputs into the protocol, its outputs into the browser. It decides nothing.
//!
//! Commands only change the protocol's state and schedule one microtask, which drains it; so the
//! sends of one turn share a packet. The application's code runs in [`Application::flush`] alone,
//! when nothing is borrowed: whatever it calls from there works.

use crate::clock;
use crate::listener::{self, Listener};
use crate::page::{self, Page};
use crate::socket::Socket;
use crate::timer::Timer;
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use tautline_protocol::client::{self, Client, Config, Input, Output};
use tautline_protocol::{CloseCode, Instant};
use wasm_bindgen::prelude::*;

/// Who the events are for.
pub(crate) trait Application: 'static {
    /// Takes an event in. Runs while the protocol is borrowed: it must not call back.
    fn event(&self, event: client::Event<'_>, now: Instant);
    /// Takes note that credentials are wanted; as restricted as [`event`](Self::event).
    fn authorize(&self, attempt: u32);
    /// Hands over what was taken in. May call whatever it likes.
    fn flush(&self);
}

/// One line in this page.
pub(crate) struct Driver<A> {
    url: String,
    application: A,
    parts: RefCell<Parts>,
    listener: Listener,
    /// The browser refused to open a socket: the timer tells the protocol.
    refused: Cell<bool>,
    /// A drain is under way or scheduled.
    draining: Cell<bool>,
    again: Cell<bool>,
    this: Weak<Self>,
    /// Itself, while it has something to do though nobody may hold it any more: a drain is
    /// scheduled, or the line is being closed.
    kept: RefCell<Option<Rc<Self>>>,
    life: Cell<Life>,
}

/// How far the line is on its way to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Life {
    Open,
    /// The application has closed it, and what is in the outbox is being delivered.
    Closing,
    Ended,
}

/// What a drain works with.
struct Parts {
    protocol: Client,
    socket: Option<Socket>,
    timer: Timer,
    page: Option<Page>,
}

impl Parts {
    /// Tells the protocol what has happened, when it is, and what the socket has not sent yet.
    fn tell(&mut self, input: Input) -> Instant {
        let now = clock::now();
        self.protocol.buffers(self.socket.as_ref().map_or(0, |socket| socket.transmit(&[])));
        self.protocol.handle_input(input, now);
        now
    }
}

impl<A: Application> Driver<A> {
    /// A line to `url`, which starts to dial in a microtask.
    pub(crate) fn new(url: String, config: Config, application: A) -> Rc<Self> {
        let driver = Rc::new_cyclic(|this: &Weak<Self>| {
            let driver = this.clone();
            let listener = Listener::new(move |call| {
                if let Some(driver) = driver.upgrade() {
                    driver.input(listener::input(&call));
                }
            });
            let parts = Parts {
                protocol: Client::new(config, clock::seed(), clock::now()),
                socket: None,
                timer: Timer::default(),
                page: Some(Page::watch(listener.as_ref().unchecked_ref())),
            };
            Self {
                url,
                application,
                parts: RefCell::new(parts),
                listener,
                refused: Cell::new(false),
                draining: Cell::new(false),
                again: Cell::new(false),
                this: this.clone(),
                kept: RefCell::default(),
                life: Cell::new(Life::Open),
            }
        });
        driver.schedule();
        driver
    }

    pub(crate) const fn application(&self) -> &A {
        &self.application
    }

    /// Reads the protocol's state.
    pub(crate) fn read<T>(&self, getter: impl FnOnce(&Client) -> T) -> T {
        getter(&self.parts.borrow().protocol)
    }

    /// Gives the protocol a command; what follows from it happens in a microtask.
    pub(crate) fn command<T>(&self, command: impl FnOnce(&mut Client) -> T) -> T {
        let parts = &mut *self.parts.borrow_mut();
        // What the first one of a turn says of times counts from now, not from the last input.
        if !self.draining.get() {
            parts.tell(Input::Woke);
        }
        let result = command(&mut parts.protocol);
        self.schedule();
        result
    }

    /// Ends the line once the outbox is delivered, or after `timeout_ms`.
    pub(crate) fn close(&self, timeout_ms: u64) {
        if self.life.get() == Life::Open {
            self.life.set(Life::Closing);
            *self.kept.borrow_mut() = self.this.upgrade();
        }
        self.command(|protocol| protocol.close(timeout_ms));
    }

    /// The application has dropped the line: unless it is being closed, it ends at once.
    pub(crate) fn let_go(&self) {
        if self.life.get() != Life::Open {
            return;
        }
        // A drain that is under way sees to the rest; no other one has to be scheduled.
        let is_draining = self.draining.replace(true);
        self.close(0);
        if !is_draining {
            self.input(Input::Woke);
        }
    }

    fn function(&self) -> &Function {
        self.listener.as_ref().unchecked_ref()
    }

    fn schedule(&self) {
        if self.draining.get() {
            self.again.set(true);
        } else {
            self.draining.set(true);
            // The closure has to be there when the microtask calls it.
            *self.kept.borrow_mut() = self.this.upgrade();
            page::soon(self.function());
        }
    }

    /// Brings an input, and drains.
    fn input(&self, mut input: Input) {
        self.draining.set(true);
        loop {
            self.again.set(false);
            self.pump(input);
            self.application.flush();
            if !self.again.get() {
                break;
            }
            input = Input::Woke;
        }
        self.draining.set(false);
        if self.life.get() != Life::Closing {
            // Whoever called holds it too, so that it is not dropped in here.
            self.kept.take();
        }
    }

    fn pump(&self, input: Input) {
        let parts = &mut *self.parts.borrow_mut();
        let now = parts.tell(input);
        let Parts { protocol, socket, timer, page } = parts;
        loop {
            match protocol.poll_output() {
                Output::Authorize { attempt } => self.application.authorize(attempt),
                Output::Dial => {
                    // The one before is silent from now on.
                    *socket = Socket::open(&self.url, self.function()).ok();
                    self.refused.set(socket.is_none());
                }
                Output::Transmit(packet) => {
                    if let Some(socket) = socket {
                        let buffered = socket.transmit(packet);
                        protocol.buffers(buffered);
                    }
                }
                Output::HangUp(code) => {
                    if let Some(socket) = socket.take() {
                        socket.close(code);
                    }
                }
                Output::Event(event) => {
                    if matches!(event, client::Event::Closed { .. }) {
                        *page = None;
                        self.life.set(Life::Ended);
                    }
                    self.application.event(event, now);
                }
                Output::Idle { wake_at } => return self.sleep(timer, wake_at, now),
            }
        }
    }

    fn sleep(&self, timer: &mut Timer, wake_at: Option<Instant>, now: Instant) {
        // A refusal is told in a task of its own, at once.
        let wake_at = if self.refused.get() { Some(now) } else { wake_at };
        let Some(at) = wake_at else { return timer.disarm() };
        let this = self.this.clone();
        timer.arm(at, now, move || {
            if let Some(driver) = this.upgrade() {
                driver.woken();
            }
        });
    }

    /// The timer has fired.
    fn woken(&self) {
        self.parts.borrow_mut().timer.disarm();
        let refused = self.refused.take();
        self.input(if refused { Input::Closed(CloseCode(1006)) } else { Input::Woke });
    }
}
