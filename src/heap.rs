//! The npm package's allocator: small, because every page downloads it.

use lol_alloc::{FreeListAllocator, LockedAllocator};

#[global_allocator]
static HEAP: LockedAllocator<FreeListAllocator> = LockedAllocator::new(FreeListAllocator::new());
