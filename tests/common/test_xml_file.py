"""XML of strangers: read, or refused in one line."""

import pytest

from common.errors import UserError
from common.xml_file import read_xml


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb2312", "gb18030", "iso-8859-1"])
def test_the_declared_encoding_is_read(tmp_path, encoding):
    name = "Ä" if encoding == "iso-8859-1" else "划痕"
    text = f'<?xml version="1.0" encoding="{encoding}"?><a><b>{name}</b></a>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    assert read_xml(tmp_path / "a.xml").findtext("b") == name


@pytest.mark.parametrize("content", [b"", b" \n"])
def test_an_empty_file_has_no_element(tmp_path, content):
    (tmp_path / "a.xml").write_bytes(content)
    assert read_xml(tmp_path / "a.xml") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "gb18030"])
@pytest.mark.parametrize(
    "document_type",
    ['<!DOCTYPE a [<!ENTITY b "bbbb">]>', '<!DOCTYPE a SYSTEM "file:///etc/passwd">', "<!DOCTYPE a>"],
)
def test_a_document_type_is_refused_in_every_encoding(tmp_path, encoding, document_type):
    text = f'<?xml version="1.0" encoding="{encoding}"?>\n{document_type}<a>&b;</a>'
    (tmp_path / "a.xml").write_bytes(text.encode(encoding))
    with pytest.raises(UserError, match=r"a.xml: line 2: found a document type \(DOCTYPE\)"):
        read_xml(tmp_path / "a.xml")


def test_deep_nesting_is_read(tmp_path):
    (tmp_path / "a.xml").write_text("<a>" * 50_000 + "</a>" * 50_000)
    assert read_xml(tmp_path / "a.xml").tag == "a"
