"""The tensors that Gemma Scope and Gemma Scope 2 have in common: a JumpReLU dictionary in one file."""

from __future__ import annotations

from circuitviz.errors import InputError
from circuitviz.features.dictionary import Dictionary
from circuitviz.features.dictionary_formats.registry import check_tensors, computing_dtype, vector_length
from circuitviz.features.sites import DictionarySite
from circuitviz.features.weight_file import WeightFile
from circuitviz.features.weight_processing import WeightProcessing


def read_jumprelu_file(
    file: WeightFile,
    name: str,
    site: DictionarySite,
    processing: WeightProcessing,
    model: str | None,
    weights: tuple[str, str],
    skip: str = "",
) -> Dictionary:
    """Read a file of an encoder [d_in, features], a decoder [features, d_out], b_enc, b_dec and threshold.

    Args:
        file: The file.
        name: The dictionary's name.
        site: Where it reads and writes.
        processing: Weight processing of its model.
        model: Name of its model.
        weights: The names of encoder and decoder in the file.
        skip: The name of a skip connection [d_in, d_out] that it may hold, applied as x · matrix.

    Raises:
        InputError: In half a sentence: tensors are missing, unknown or of wrong shapes, or a dictionary that
            writes what it reads has a skip connection.
    """
    encoder, decoder = weights
    features, d_out = vector_length(file, "b_enc"), vector_length(file, "b_dec")
    d_in = (file.shapes.get(encoder) or (d_out,))[0]
    shapes = {encoder: (d_in, features), decoder: (features, d_out), "b_enc": (features,), "b_dec": (d_out,)}
    check_tensors(file, shapes | {"threshold": (features,)}, {skip: (d_in, d_out)} if skip else {})
    dtype = computing_dtype(file, encoder)
    has_skip = skip in file.shapes
    if has_skip and not site.is_transcoder:
        raise InputError(f"holds {skip}, and its configuration says that it writes what it reads")
    kind = "_transcoder" if site.is_transcoder else ""
    return Dictionary(
        name=name,
        architecture=f"jumprelu{'_skip' if has_skip else ''}{kind}",
        site=site,
        encoder=file.tensor(encoder),
        bias=file.tensor("b_enc").to(dtype),
        decoder=file.tensor(decoder),
        decoder_bias=file.tensor("b_dec").to(dtype),
        threshold=file.tensor("threshold").to(dtype),
        skip=file.tensor(skip).T.to(dtype) if has_skip else None,
        processing=processing,
        model=model,
        is_mapped=True,
        files=(file,),
    )
