//! What an invocation waits for, and the waker of its process.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// What an invocation is about to do, as far as it decides what may become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It looks.
    Look,
    /// It changes something, and no other invocation may act meanwhile.
    Act,
    /// It changes something that needs no lease.
    Free,
    /// It reads from the table.
    Read,
    /// It writes to the table.
    Write,
    /// It waits.
    Sleep,
    /// It waits for a moment, between two looks of many.
    Poll,
}

/// A moment that an invocation waits for.
#[derive(Debug)]
pub struct Timer {
    /// What it is for.
    pub kind: Kind,
    /// Whether it is still waited for.
    pub is_awaited: Cell<bool>,
    is_over: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Timer {
    /// The moment has come.
    pub fn fire(&self) {
        self.is_over.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Waits for a timer.
#[derive(Debug)]
pub struct Waiting(Rc<Timer>);

impl Waiting {
    /// A timer that has not fired, and its future.
    pub fn new(kind: Kind) -> (Rc<Timer>, Self) {
        let timer = Rc::new(Timer {
            kind,
            is_awaited: Cell::new(true),
            is_over: Cell::new(false),
            waker: RefCell::new(None),
        });
        (Rc::clone(&timer), Self(timer))
    }
}

impl Future for Waiting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.0.is_over.get() {
            return Poll::Ready(());
        }
        let mut waker = self.0.waker.borrow_mut();
        match waker.as_mut() {
            Some(waker) => waker.clone_from(context.waker()),
            None => *waker = Some(context.waker().clone()),
        }
        Poll::Pending
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.is_awaited.set(false);
    }
}

/// Whether a process is to be polled.
#[derive(Debug, Default)]
pub struct Woken(AtomicBool);

impl Woken {
    /// Whether it was woken since this was asked last.
    pub fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
