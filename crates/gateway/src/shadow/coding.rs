//! Content codings, taken off before answers are compared.
//!
//! The same content compressed twice need not give the same bytes: another level, another library, a time of day in the
//! head of a gzip file. What is compared is what the client sees (RFC 9110 section 8.4).

use std::{borrow::Cow, io::Read};

use banyan_state::shadow::DropReason;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::{HeaderMap, header};

/// Read at once from a brotli stream.
const BROTLI_BUFFER: usize = 4096;

/// A coding of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Gzip,
    /// Called so, and meant to be zlib; some send the bare stream.
    Deflate,
    Brotli,
    Unknown,
}

/// The codings of a body, in the order in which they were applied.
pub(crate) fn codings(headers: &HeaderMap) -> Vec<Coding> {
    let fields = headers.get_all(header::CONTENT_ENCODING).iter();
    let names = fields.flat_map(|field| field.to_str().unwrap_or("?").split(','));
    let names = names.map(|name| name.trim().to_ascii_lowercase());
    names
        .filter(|name| !name.is_empty() && name != "identity")
        .map(|name| match name.as_str() {
            "gzip" | "x-gzip" => Coding::Gzip,
            "deflate" => Coding::Deflate,
            "br" => Coding::Brotli,
            _ => Coding::Unknown,
        })
        .collect()
}

/// The content of a body, at most so many bytes of it.
///
/// # Errors
/// [`DropReason::BodyTooLarge`], or [`DropReason::Encoded`] if a coding is not known or the body is not what it says.
pub(super) fn decode<'a>(
    body: Cow<'a, [u8]>,
    codings: &[Coding],
    most: usize,
) -> Result<Cow<'a, [u8]>, DropReason> {
    // The answer to HEAD, 204 and 304 name the coding of a body that is not there.
    if body.is_empty() {
        return Ok(body);
    }
    codings.iter().rev().try_fold(body, |body, coding| {
        let body = &*body;
        match coding {
            Coding::Gzip => read(MultiGzDecoder::new(body), most),
            Coding::Deflate => match read(ZlibDecoder::new(body), most) {
                Err(DropReason::Encoded) => read(DeflateDecoder::new(body), most),
                done => done,
            },
            Coding::Brotli => read(brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER), most),
            Coding::Unknown => Err(DropReason::Encoded),
        }
        .map(Cow::Owned)
    })
}

fn read(decoder: impl Read, most: usize) -> Result<Vec<u8>, DropReason> {
    let mut content = Vec::new();
    // One byte more tells a body that is too large from one that just fits.
    let room = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    decoder.take(room).read_to_end(&mut content).map_err(|_| DropReason::Encoded)?;
    if content.len() > most { Err(DropReason::BodyTooLarge) } else { Ok(content) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{
        Compression,
        write::{DeflateEncoder, GzEncoder, ZlibEncoder},
    };
    use http::HeaderValue;

    use super::*;

    const MOST: usize = 1_000;
    /// `banyan banyan banyan`, compressed by the `zlib` of Node.js.
    const BROTLI: &[u8] = &[
        0x1b, 0x13, 0x00, 0xf8, 0x8d, 0x94, 0x6e, 0xde, 0xb4, 0x06, 0x09, 0x13, 0xcb, 0x13, 0x6e, 0x11, 0x4f,
        0x24, 0x70, 0x2e,
    ];

    fn gzip(content: &[u8], level: u32) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
        encoder.write_all(content).unwrap();
        encoder.finish().unwrap()
    }

    fn decoded(body: &[u8], codings: &[Coding]) -> Result<Vec<u8>, DropReason> {
        decode(Cow::Borrowed(body), codings, MOST).map(Cow::into_owned)
    }

    #[test]
    fn one_content_at_two_levels_is_one_content() {
        let content = b"banyan ".repeat(100);
        let (quick, small) = (gzip(&content, 1), gzip(&content, 9));
        assert_ne!(quick, small);
        assert_eq!(decoded(&quick, &[Coding::Gzip]).unwrap(), content);
        assert_eq!(decoded(&small, &[Coding::Gzip]).unwrap(), content);
        // Two members one after the other are one body.
        assert_eq!(decoded(&[gzip(b"a", 1), gzip(b"b", 1)].concat(), &[Coding::Gzip]).unwrap(), b"ab");
    }

    #[test]
    fn deflate_comes_with_and_without_its_wrapping() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"banyan").unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::fast());
        bare.write_all(b"banyan").unwrap();
        for body in [zlib.finish().unwrap(), bare.finish().unwrap()] {
            assert_eq!(decoded(&body, &[Coding::Deflate]).unwrap(), b"banyan");
        }
    }

    #[test]
    fn codings_come_off_in_the_reverse_order() {
        let twice = gzip(&gzip(b"banyan", 1), 9);
        assert_eq!(decoded(&twice, &[Coding::Gzip, Coding::Gzip]).unwrap(), b"banyan");
        assert_eq!(decoded(b"plain", &[]).unwrap(), b"plain");
        assert_eq!(decoded(BROTLI, &[Coding::Brotli]).unwrap(), b"banyan banyan banyan");
        assert_eq!(decoded(b"", &[Coding::Unknown]).unwrap(), b"", "of a HEAD");
    }

    #[test]
    fn what_is_garbled_cut_short_unknown_or_too_large_is_said_so() {
        let whole = gzip(b"banyan", 1);
        for (body, coding) in [
            (b"banyan".as_slice(), Coding::Gzip),
            (&whole[..whole.len() - 4], Coding::Gzip),
            (b"banyan", Coding::Brotli),
            (b"banyan", Coding::Unknown),
            (b"\x07\x07", Coding::Deflate),
        ] {
            assert_eq!(decoded(body, &[coding]), Err(DropReason::Encoded), "{coding:?} {body:?}");
        }
        let bomb = gzip(&vec![0; 16 << 20], 9);
        assert!(bomb.len() < 20_000);
        assert_eq!(decoded(&bomb, &[Coding::Gzip]), Err(DropReason::BodyTooLarge));
        assert_eq!(decoded(&gzip(&[0; MOST], 9), &[Coding::Gzip]).unwrap().len(), MOST);
    }

    #[test]
    fn names_are_read_in_any_case_and_over_several_fields() {
        let mut headers = HeaderMap::new();
        for value in ["GZIP, identity", "br , x-gzip,", "deflate", "zstd"] {
            headers.append(header::CONTENT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(
            codings(&headers),
            [Coding::Gzip, Coding::Brotli, Coding::Gzip, Coding::Deflate, Coding::Unknown]
        );
        assert_eq!(codings(&HeaderMap::new()), []);
    }
}
