//! The pages of a world: one, or several.

use crate::page::Page;

/// What a world can be made of.
pub trait Pages {
    /// All of them.
    fn all(&self) -> &[Page];
    /// All of them, to change.
    fn all_mut(&mut self) -> &mut [Page];
}

impl Pages for Page {
    fn all(&self) -> &[Page] {
        std::slice::from_ref(self)
    }

    fn all_mut(&mut self) -> &mut [Page] {
        std::slice::from_mut(self)
    }
}

impl Pages for Vec<Page> {
    fn all(&self) -> &[Page] {
        self
    }

    fn all_mut(&mut self) -> &mut [Page] {
        self
    }
}
