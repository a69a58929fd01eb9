//! The pump: inputs into the protocol, its outputs into the browser. It decides nothing.
//!
//! Commands only change the protocol's state and schedule one microtask, which drains it; so the
//! sends of one turn share a packet. The application's code runs in [`Application::flush`] alone,
//! when nothing is borrowed: whatever it calls from there works.

use crate::clock;
use crate::listener::{Event, Listener};
use crate::page::Page;
use crate::socket::{self, Socket};
use crate::timer::Timer;
use js_sys::Function;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use tautline_protocol::client::{self, Client, Config, Input, Output};
use tautline_protocol::{CloseCode, Instant};
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = queueMicrotask)]
    fn queue_microtask(task: &Function);
}

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
    protocol: RefCell<Client>,
    application: A,
    socket: RefCell<Option<Socket>>,
    timer: RefCell<Timer>,
    page: RefCell<Option<Page>>,
    drain: Listener,
    socket_event: Listener,
    /// The browser refused to open a socket: the timer tells the protocol.
    refused: Cell<bool>,
    /// A drain is under way or scheduled.
    draining: Cell<bool>,
    again: Cell<bool>,
    this: Weak<Self>,
}

impl<A: Application> Driver<A> {
    /// A line to `url`, which starts to dial in a microtask.
    pub(crate) fn new(url: String, config: Config, application: A) -> Rc<Self> {
        let driver = Rc::new_cyclic(|this: &Weak<Self>| Self {
            url,
            protocol: RefCell::new(Client::new(config, clock::seed(), clock::now())),
            application,
            socket: RefCell::default(),
            timer: RefCell::default(),
            page: RefCell::default(),
            drain: Self::listener(this, |driver, _| driver.input(Input::Woke)),
            socket_event: Self::listener(this, |driver, event| driver.input(socket::input(event))),
            refused: Cell::new(false),
            draining: Cell::new(false),
            again: Cell::new(false),
            this: this.clone(),
        });
        let this = Rc::downgrade(&driver);
        let watch = Page::watch(move |hint| {
            if let Some(driver) = this.upgrade() {
                driver.input(Input::Hint(hint));
            }
        });
        *driver.page.borrow_mut() = Some(watch);
        driver.schedule();
        driver
    }

    fn listener(this: &Weak<Self>, act: impl Fn(&Self, Event) + 'static) -> Listener {
        let this = this.clone();
        Listener::new(move |event| {
            if let Some(driver) = this.upgrade() {
                act(&driver, event);
            }
        })
    }

    pub(crate) const fn application(&self) -> &A {
        &self.application
    }

    /// Reads the protocol's state.
    pub(crate) fn read<T>(&self, getter: impl FnOnce(&Client) -> T) -> T {
        getter(&self.protocol.borrow())
    }

    /// Gives the protocol a command; what follows from it happens in a microtask.
    pub(crate) fn command<T>(&self, command: impl FnOnce(&mut Client) -> T) -> T {
        let result = command(&mut self.protocol.borrow_mut());
        self.schedule();
        result
    }

    fn schedule(&self) {
        if self.draining.get() {
            self.again.set(true);
        } else {
            self.draining.set(true);
            queue_microtask(self.drain.as_ref().unchecked_ref());
        }
    }

    /// Brings an input, and drains.
    fn input(&self, input: Input) {
        self.protocol.borrow_mut().handle_input(input, clock::now());
        self.draining.set(true);
        loop {
            self.again.set(false);
            self.pump();
            self.application.flush();
            if !self.again.get() {
                break;
            }
            self.protocol.borrow_mut().handle_input(Input::Woke, clock::now());
        }
        self.draining.set(false);
    }

    fn pump(&self) {
        let mut protocol = self.protocol.borrow_mut();
        loop {
            match protocol.poll_output() {
                Output::Authorize { attempt } => self.application.authorize(attempt),
                Output::Dial => self.dial(),
                Output::Transmit(packet) => {
                    if let Some(socket) = &*self.socket.borrow() {
                        socket.send(packet);
                    }
                }
                Output::HangUp(code) => self.hang_up(code),
                Output::Event(event) => {
                    if matches!(event, client::Event::Closed { .. }) {
                        *self.page.borrow_mut() = None;
                    }
                    self.application.event(event, clock::now());
                }
                Output::Idle { wake_at } => return self.sleep(wake_at),
            }
        }
    }

    fn dial(&self) {
        let opened = Socket::open(&self.url, self.socket_event.as_ref().unchecked_ref()).ok();
        self.refused.set(opened.is_none());
        if opened.is_none() {
            // The protocol is borrowed: it learns of this in a task of its own.
            self.timer.borrow_mut().disarm();
            self.sleep(Some(clock::now()));
        }
        // The one before is dropped here, and silent from now on.
        *self.socket.borrow_mut() = opened;
    }

    fn hang_up(&self, code: CloseCode) {
        if let Some(socket) = self.socket.borrow_mut().take() {
            socket.close(code);
        }
    }

    fn sleep(&self, wake_at: Option<Instant>) {
        let mut timer = self.timer.borrow_mut();
        let Some(at) = wake_at else { return timer.disarm() };
        let this = self.this.clone();
        timer.arm(at, clock::now(), move || {
            if let Some(driver) = this.upgrade() {
                driver.woken();
            }
        });
    }

    /// The timer has fired.
    fn woken(&self) {
        self.timer.borrow_mut().disarm();
        let refused = self.refused.take();
        self.input(if refused { Input::Closed(CloseCode(1006)) } else { Input::Woke });
    }
}
