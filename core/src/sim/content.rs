//! The bytes of a file in pages that are shared until they are written.
//!
//! A simulated disk keeps two versions of every file, the one in the page cache and the durable one, and a checkpoint of a
//! world keeps both again. Pages are reference counted, so versions share all that is equal; they lie in groups that are
//! reference counted again, so a copy of a file of many megabytes costs a pointer for each of them.

use std::rc::Rc;

/// The size of a page: what a power loss keeps or loses as one.
pub(crate) const PAGE_LEN: usize = 4096;
/// How many pages a group has: 1 MiB.
const GROUP_LEN: usize = 256;

/// A page that was never written is a hole and reads as zeros.
type Page = Option<Rc<[u8; PAGE_LEN]>>;

/// A file's bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    len: u64,
    /// Full groups, and the last one as long as the file needs it.
    groups: Vec<Rc<Vec<Page>>>,
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

    fn page(&self, page: usize) -> Option<&Rc<[u8; PAGE_LEN]>> {
        self.groups.get(page / GROUP_LEN)?.get(page % GROUP_LEN)?.as_ref()
    }

    fn page_mut(&mut self, page: usize) -> Option<&mut Page> {
        Rc::make_mut(self.groups.get_mut(page / GROUP_LEN)?).get_mut(page % GROUP_LEN)
    }

    fn set_page_count(&mut self, pages: usize) {
        self.groups.truncate(pages.div_ceil(GROUP_LEN));
        let mut group = self.groups.len().saturating_sub(1);
        while group * GROUP_LEN < pages {
            let want = (pages - group * GROUP_LEN).min(GROUP_LEN);
            match self.groups.get_mut(group) {
                Some(have) if have.len() == want => {}
                Some(have) => Rc::make_mut(have).resize(want, None),
                None => self.groups.push(Rc::new(vec![None; want])),
            }
            group += 1;
        }
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
            if let Some(slot) = self.page_mut(page) {
                let target = Rc::make_mut(slot.get_or_insert_with(|| Rc::new([0; PAGE_LEN])));
                target[start..start + now.len()].copy_from_slice(now);
            }
            at += now.len() as u64;
            rest = after;
        }
    }

    /// Cuts the file, or grows it by a hole.
    pub fn set_len(&mut self, len: u64) {
        let pages = len.div_ceil(PAGE_LEN as u64) as usize;
        if pages != self.len.div_ceil(PAGE_LEN as u64) as usize {
            self.set_page_count(pages);
        }
        let tail = (len % PAGE_LEN as u64) as usize;
        if len < self.len
            && tail > 0
            && self.page(pages - 1).is_some()
            && let Some(Some(last)) = self.page_mut(pages - 1)
        {
            Rc::make_mut(last)[tail..].fill(0);
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
            match self.page(page) {
                Some(bytes) => out.extend_from_slice(&bytes[start..start + take]),
                None => out.resize(out.len() + take, 0),
            }
            at += take as u64;
        }
        out
    }

    /// Takes over one page of another version, and grows to `len` if that is more.
    pub fn take_page(&mut self, from: &Content, page: u32, len: u64) {
        self.set_len(self.len.max(len));
        let page = page as usize;
        let in_source = page < from.len.div_ceil(PAGE_LEN as u64) as usize;
        if in_source && let Some(target) = self.page_mut(page) {
            *target = from.page(page).cloned();
        }
    }

    /// How many bytes from the beginning two versions have in common.
    pub fn common_prefix(&self, other: &Content) -> u64 {
        const HOLE: [u8; PAGE_LEN] = [0; PAGE_LEN];
        let pages = self.len.min(other.len).div_ceil(PAGE_LEN as u64) as usize;
        let mut same = 0;
        for page in 0..pages {
            let (a, b) = (self.page(page), other.page(page));
            let shared = match (a, b) {
                (Some(a), Some(b)) => Rc::ptr_eq(a, b),
                (None, None) => true,
                _ => false,
            };
            if !shared {
                let (a, b) = (a.map_or(&HOLE, |page| &**page), b.map_or(&HOLE, |page| &**page));
                if let Some(at) = a.iter().zip(b).position(|(a, b)| a != b) {
                    return (same + at as u64).min(self.len).min(other.len);
                }
            }
            same += PAGE_LEN as u64;
        }
        same.min(self.len).min(other.len)
    }

    pub fn to_vec(&self) -> Vec<u8> {
        self.read(0, usize::try_from(self.len).unwrap_or(usize::MAX))
    }

    /// Bytes of memory that neither `a` nor `b` shares with this version, about.
    pub fn unshared(&self, a: Option<&Content>, b: Option<&Content>) -> usize {
        let mut bytes = self.groups.len() * size_of::<Rc<Vec<Page>>>();
        for (index, group) in self.groups.iter().enumerate() {
            let of = |other: Option<&Content>| other.and_then(|o| o.groups.get(index)).cloned();
            let (a, b) = (of(a), of(b));
            if [&a, &b].into_iter().flatten().any(|other| Rc::ptr_eq(other, group)) {
                continue;
            }
            bytes += size_of_val::<[Page]>(group);
            for (at, page) in group.iter().enumerate() {
                let Some(page) = page else { continue };
                let shared = [&a, &b]
                    .into_iter()
                    .flatten()
                    .any(|other| matches!(other.get(at), Some(Some(other)) if Rc::ptr_eq(other, page)));
                bytes += if shared { 0 } else { PAGE_LEN };
            }
        }
        bytes
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
        assert!(Rc::ptr_eq(a.page(0).unwrap(), b.page(0).unwrap()));
        assert!(!Rc::ptr_eq(a.page(1).unwrap(), b.page(1).unwrap()));
        assert!((PAGE_LEN..PAGE_LEN + 200).contains(&a.unshared(Some(&b), None)));
        assert!(a.unshared(None, None) > 3 * PAGE_LEN);
        assert!(a.unshared(Some(&b), Some(&a.clone())) < 200);
    }

    #[test]
    fn versions_are_compared_byte_by_byte_where_they_share_nothing() {
        let a = Content::from_bytes(&[7; 10_000]);
        let mut b = a.clone();
        assert_eq!(a.common_prefix(&b), 10_000);
        b.write_at(9_000, b"x");
        assert_eq!(a.common_prefix(&b), 9_000);
        b.set_len(8_500);
        assert_eq!(a.common_prefix(&b), 8_500);
        assert_eq!(Content::from_bytes(&[7; 5_000]).common_prefix(&a), 5_000);
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
        assert_eq!(c.groups[0].len(), 3);
    }

    /// Against a plain vector, across groups.
    #[test]
    fn it_is_a_file() {
        let mut rng = crate::rng::Rng::new(1);
        let (mut file, mut plain) = (Content::default(), Vec::new());
        let mut kept = Vec::new();
        for round in 0..300 {
            let at = rng.below(3 << 20) as usize;
            if rng.below(3) == 0 {
                file.set_len(at as u64);
                plain.resize(at, 0);
            } else {
                let bytes = vec![round as u8 | 1; rng.below(9000) as usize + 1];
                file.write_at(at as u64, &bytes);
                plain.resize(plain.len().max(at + bytes.len()), 0);
                plain[at..at + bytes.len()].copy_from_slice(&bytes);
            }
            assert_eq!(file.len(), plain.len() as u64);
            if round % 30 == 0 {
                kept.push((file.clone(), plain.clone()));
            }
        }
        kept.push((file, plain));
        assert!(kept.iter().all(|(file, plain)| file.to_vec() == *plain));
    }
}
