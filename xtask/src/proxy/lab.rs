//! What the proxy knows of its connections: which are open, under which lab id, and the counters.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use tokio::sync::watch;

use super::plan::{Cut, InForce, Plan};

/// Most lab ids remembered; a demo in many tabs needs a handful.
const LABS_MAX: usize = 1_024;

/// The two ways through the proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the client to the server.
    Up,
    /// From the server to the client.
    Down,
}

/// What one connection is told to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Orders {
    pub(crate) stall_up: bool,
    pub(crate) stall_down: bool,
    pub(crate) cut: Option<Cut>,
}

impl Orders {
    pub(crate) fn is_stalled(self, direction: Direction) -> bool {
        match direction {
            Direction::Up => self.stall_up,
            Direction::Down => self.stall_down,
        }
    }
}

/// An action on the connections of one lab id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Cut(Cut),
    /// Half-open: these connections stay and forward nothing; new ones flow.
    Stall {
        up: bool,
        down: bool,
    },
    /// Cuts, and refuses new connections until `Online`.
    Offline,
    Online,
    /// Ends every stall, and takes new connections again.
    Flow,
}

/// Counters of the proxy since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Counts {
    /// Connections passed on to the server.
    pub(crate) connections: u64,
    /// Those of them that are WebSockets.
    pub(crate) lines: u64,
    /// Connections open now.
    pub(crate) open: usize,
    pub(crate) cuts: u64,
    /// Connections refused while offline.
    pub(crate) refused: u64,
    /// Bytes received from clients, TCP payload.
    pub(crate) up: u64,
    /// Bytes received from the server, TCP payload.
    pub(crate) down: u64,
}

/// State and counters of one lab id.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct LabState {
    pub(crate) offline: bool,
    /// Connections open now, and those of them that are stalled.
    pub(crate) open: usize,
    pub(crate) stalled: usize,
    pub(crate) cuts: u64,
    pub(crate) refused: u64,
    pub(crate) up: u64,
    pub(crate) down: u64,
}

#[derive(Debug)]
struct Live {
    lab: Option<String>,
    orders: watch::Sender<Orders>,
}

#[derive(Debug, Default)]
struct Inside {
    next_number: u64,
    live: BTreeMap<u64, Live>,
    labs: BTreeMap<String, LabState>,
    counts: Counts,
}

/// Shared by all connections of one proxy.
#[derive(Debug)]
pub(crate) struct Lab {
    inside: Mutex<Inside>,
    plan: watch::Sender<Arc<InForce>>,
}

/// One open connection's entry in the lab; leaves it when dropped.
#[derive(Debug)]
pub(crate) struct Ticket {
    lab: Arc<Lab>,
    number: u64,
    pub(crate) orders: watch::Receiver<Orders>,
    pub(crate) plan: watch::Receiver<Arc<InForce>>,
    pub(crate) is_line: bool,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { inside: Mutex::default(), plan: watch::Sender::new(Arc::default()) }
    }

    /// A panic elsewhere leaves counters at worst slightly off, which is no reason to stop.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn set_plan(&self, plan: Plan) {
        self.plan.send_replace(Arc::new(InForce::new(plan)));
    }

    pub(crate) fn plan(&self) -> Plan {
        self.plan.borrow().plan.clone()
    }

    pub(crate) fn counts(&self) -> Counts {
        let inside = self.inside();
        Counts { open: inside.live.len(), ..inside.counts }
    }

    /// The state of `id`; that of an id never seen is the default.
    pub(crate) fn state(&self, id: &str) -> LabState {
        let inside = self.inside();
        let mut state = inside.labs.get(id).copied().unwrap_or_default();
        for live in inside.of(id) {
            let orders = *live.orders.borrow();
            state.open += 1;
            state.stalled += usize::from(orders.stall_up || orders.stall_down);
        }
        state
    }

    /// Acts on the connections of `id`; false if too many ids are in use to remember another.
    pub(crate) fn act(&self, id: &str, action: Action) -> bool {
        let mut inside = self.inside();
        let Some(state) = inside.entry(id) else { return false };
        match action {
            Action::Offline => state.offline = true,
            Action::Online | Action::Flow => state.offline = false,
            Action::Cut(_) | Action::Stall { .. } => {}
        }
        for live in inside.of(id) {
            live.orders.send_modify(|orders| match action {
                Action::Cut(cut) => orders.cut = Some(cut),
                Action::Offline => orders.cut = Some(Cut::Rst),
                Action::Stall { up, down } => (orders.stall_up, orders.stall_down) = (up, down),
                Action::Flow => (orders.stall_up, orders.stall_down) = (false, false),
                Action::Online => {}
            });
        }
        true
    }

    /// Enters a connection, or returns nothing if its lab is offline.
    pub(crate) fn admit(self: &Arc<Self>, lab: Option<String>, is_line: bool) -> Option<Ticket> {
        let mut inside = self.inside();
        if let Some(state) = lab.as_deref().and_then(|id| inside.entry(id))
            && state.offline
        {
            state.refused += 1;
            inside.counts.refused += 1;
            return None;
        }
        inside.counts.connections += 1;
        inside.counts.lines += u64::from(is_line);
        let number = inside.next_number;
        inside.next_number += 1;
        let (sender, orders) = watch::channel(Orders::default());
        inside.live.insert(number, Live { lab, orders: sender });
        Some(Ticket { lab: Arc::clone(self), number, orders, plan: self.plan.subscribe(), is_line })
    }
}

impl Inside {
    fn of<'a>(&'a self, id: &'a str) -> impl Iterator<Item = &'a Live> {
        self.live.values().filter(move |live| live.lab.as_deref() == Some(id))
    }

    /// Finds or makes the entry of `id`; a full table first drops ids that have nothing going on.
    fn entry(&mut self, id: &str) -> Option<&mut LabState> {
        if self.labs.len() >= LABS_MAX && !self.labs.contains_key(id) {
            let live = &self.live;
            self.labs.retain(|known, state| {
                state.offline || live.values().any(|live| live.lab.as_deref() == Some(known))
            });
            if self.labs.len() >= LABS_MAX {
                return None;
            }
        }
        Some(self.labs.entry(id.to_owned()).or_default())
    }

    /// The counters that a connection's events go to: its lab's, if it has one.
    fn lab_of(&mut self, number: u64) -> Option<&mut LabState> {
        let id = self.live.get(&number)?.lab.as_deref()?;
        self.labs.get_mut(id)
    }
}

impl Ticket {
    pub(crate) fn count_bytes(&self, direction: Direction, bytes: usize) {
        let bytes = bytes as u64;
        let mut inside = self.lab.inside();
        match direction {
            Direction::Up => inside.counts.up += bytes,
            Direction::Down => inside.counts.down += bytes,
        }
        match (inside.lab_of(self.number), direction) {
            (Some(state), Direction::Up) => state.up += bytes,
            (Some(state), Direction::Down) => state.down += bytes,
            (None, _) => {}
        }
    }

    pub(crate) fn count_cut(&self) {
        let mut inside = self.lab.inside();
        inside.counts.cuts += 1;
        if let Some(state) = inside.lab_of(self.number) {
            state.cuts += 1;
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.lab.inside().live.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_table_drops_idle_ids_and_keeps_offline_ones() {
        let lab = Arc::new(Lab::new());
        assert!(lab.act("gone", Action::Offline));
        let ticket = lab.admit(Some("here".to_owned()), true).expect("online");
        ticket.count_cut();
        for number in 0..2 * LABS_MAX {
            assert!(lab.act(&format!("id{number}"), Action::Online));
        }
        assert!(lab.state("gone").offline);
        assert_eq!((lab.state("here").open, lab.state("here").cuts), (1, 1));
        assert!(lab.inside().labs.len() <= LABS_MAX);
    }

    #[test]
    fn table_full_of_offline_ids_takes_no_other() {
        let lab = Lab::new();
        for number in 0..LABS_MAX {
            assert!(lab.act(&format!("id{number}"), Action::Offline));
        }
        assert!(!lab.act("one-more", Action::Offline));
    }
}
