//! The bytes of a file in pages that are shared until they are written.
//!
//! A simulated disk keeps two versions of every file, the one in the page cache and the durable one, and a checkpoint of a
//! world keeps both again. Pages are reference counted, so versions share all that is equal and a copy costs a pointer a page.

use std::rc::Rc;

/// The size of a page: what a power loss keeps or loses as one.
pub(crate) const PAGE_LEN: usize = 4096;

/// A file's bytes. A page that was never written is a hole and reads as zeros.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    len: u64,
    pages: Vec<Option<Rc<[u8; PAGE_LEN]>>>,
}

impl Content {
    pub fn from_bytes(bytes: &[u8]) -> Content {
        let mut content = Content::default();
        content.write_at(0, bytes);
        content
    }

    pub fn len(&self) -> u64 {
        self.len
    }

    /// Replaces bytes from `offset` on; what lies between the old end and `offset` becomes a hole.
    pub fn write_at(&mut self, offset: u64, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let end = offset + bytes.len() as u64;
        self.set_len(self.len.max(end));
        let (mut at, mut rest) = (offset, bytes);
        while !rest.is_empty() {
            let (page, start) = ((at / PAGE_LEN as u64) as usize, (at % PAGE_LEN as u64) as usize);
            let (now, after) = rest.split_at(rest.len().min(PAGE_LEN - start));
            let slot = &mut self.pages[page];
            let target = Rc::make_mut(slot.get_or_insert_with(|| Rc::new([0; PAGE_LEN])));
            target[start..start + now.len()].copy_from_slice(now);
            at += now.len() as u64;
            rest = after;
        }
    }

    /// Cuts the file, or grows it by a hole.
    pub fn set_len(&mut self, len: u64) {
        let pages = len.div_ceil(PAGE_LEN as u64) as usize;
        if len < self.len {
            self.pages.truncate(pages);
            let tail = (len % PAGE_LEN as u64) as usize;
            if tail > 0
                && let Some(Some(last)) = self.pages.last_mut()
            {
                Rc::make_mut(last)[tail..].fill(0);
            }
        } else if pages > self.pages.len() {
            self.pages.resize(pages, None);
        }
        self.len = len;
    }

    /// Up to `len_max` bytes from `offset`.
    pub fn read(&self, offset: u64, len_max: usize) -> Vec<u8> {
        let end = self.len.min(offset.saturating_add(len_max as u64));
        let mut out = Vec::with_capacity(end.saturating_sub(offset) as usize);
        let mut at = offset;
        while at < end {
            let (page, start) = ((at / PAGE_LEN as u64) as usize, (at % PAGE_LEN as u64) as usize);
            let take = (PAGE_LEN - start).min((end - at) as usize);
            match self.pages.get(page) {
                Some(Some(bytes)) => out.extend_from_slice(&bytes[start..start + take]),
                _ => out.resize(out.len() + take, 0),
            }
            at += take as u64;
        }
        out
    }

    /// Takes over one page of another version, and grows to `len` if that is more.
    pub fn take_page(&mut self, from: &Content, page: u32, len: u64) {
        self.set_len(self.len.max(len));
        let page = page as usize;
        if let (Some(target), Some(source)) = (self.pages.get_mut(page), from.pages.get(page)) {
            target.clone_from(source);
        }
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.read(0, usize::try_from(self.len).unwrap_or(usize::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_share_pages_until_one_is_written() {
        let mut a = Content::from_bytes(&[7; 10_000]);
        let b = a.clone();
        a.write_at(5_000, b"xy");
        assert_eq!(b.to_vec(), [7; 10_000]);
        assert_eq!(&a.read(4_999, 4), &[7, b'x', b'y', 7]);
        assert!(Rc::ptr_eq(a.pages[0].as_ref().unwrap(), b.pages[0].as_ref().unwrap()));
        assert!(!Rc::ptr_eq(a.pages[1].as_ref().unwrap(), b.pages[1].as_ref().unwrap()));
    }

    #[test]
    fn cutting_and_growing_again_reads_zeros() {
        let mut c = Content::from_bytes(&[1; 6000]);
        c.set_len(100);
        c.set_len(9000);
        assert_eq!(c.read(98, 4), [1, 1, 0, 0]);
        assert_eq!(c.read(8999, 10), [0]);
        assert_eq!(c.read(9000, 10), []);
        c.write_at(9010, b"!");
        assert_eq!(c.read(9000, 100), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b'!']);
        assert_eq!(c.pages.len(), 3);
    }
}
