//! The npm package's allocator: small, because every page downloads it. Memory is given out in powers of
//! two, and what is free of each of them is a list: "segregated fits" (Wilson, Johnstone, Neely and Boles,
//! "Dynamic Storage Allocation", 1995, section 3.7). Every call takes the same few steps, however much is
//! in use. A block has at most twice the bytes that were asked for, or 16, and serves its own size again,
//! never another.

#![expect(unsafe_code, reason = "an allocator hands out what no type vouches for")]

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::{memory_grow, memory_size};
use std::cell::UnsafeCell;
use std::ptr::null_mut;

#[global_allocator]
static HEAP: Heap =
    Heap(UnsafeCell::new(Blocks { free: [null_mut(); 32], end: &raw const __heap_base }));

unsafe extern "C" {
    /// The linker's: from here on the memory is nobody's.
    static __heap_base: u8;
}

/// Bytes in a page of memory (WebAssembly Core Specification, 4.2.8).
const PAGE: usize = 1 << 16;
/// So that each block, whatever comes before it, begins where every type may begin.
const SMALLEST: usize = 16;

struct Heap(UnsafeCell<Blocks>);

struct Blocks {
    /// The first free block of each power of two; at its beginning stands the next one.
    free: [*mut u8; 32],
    /// Behind all blocks.
    end: *const u8,
}

// SAFETY: this wasm has one thread; its memory is not shared.
unsafe impl Sync for Heap {}

impl Blocks {
    /// Blocks as large as `layout`'s, and how many bytes that is. No layout has more than 2^31.
    fn of(&mut self, layout: Layout) -> (&mut *mut u8, usize) {
        let power = usize::BITS - (layout.size().max(SMALLEST) - 1).leading_zeros();
        (&mut self.free[power as usize & 31], 1 << power)
    }
}

// SAFETY: a block is in use or in its list. A new one begins where the last one ended.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: nothing else has a reference, for nothing here calls anything else.
        let blocks = unsafe { &mut *self.0.get() };
        let (free, size) = blocks.of(layout);
        let block = *free;
        if !block.is_null() {
            // SAFETY: a free block has the address of the next one, or null.
            *free = unsafe { *block.cast() };
            return block;
        }
        let block = blocks.end as usize;
        let end = block.saturating_add(size);
        let missing = end.saturating_sub(memory_size::<0>() * PAGE).div_ceil(PAGE);
        if missing > 0 && memory_grow::<0>(missing) == usize::MAX {
            return null_mut();
        }
        blocks.end = end as *const u8;
        block as *mut u8
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as above.
        let (free, _) = unsafe { &mut *self.0.get() }.of(layout);
        // SAFETY: nobody uses the block any more, and it has room for an address.
        unsafe { *block.cast() = *free };
        *free = block;
    }
}
