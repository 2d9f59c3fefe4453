"""Gradients at what features of a site read of the residual stream, for edges into them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from circuitviz.discovery.gradients import GradientCapture
from circuitviz.features.feature_basis import SiteBasis
from circuitviz.features.hook_points import centre_input
from circuitviz.models import Model


@dataclass(eq=False)
class SiteRecord:
    """What a pass computes at a site.

    Attributes:
        dictionary_input: What the dictionary reads [batch, time, d_in].
        site_output: What the site writes [batch, time, d_out].
        features: Activations of the listed features [batch, time, features].
    """

    dictionary_input: Tensor
    site_output: Tensor
    features: Tensor


def receivers_of_site(site: SiteBasis) -> list[str]:
    """Names of a site's receivers: three for each feature of attention, else one; the stream's error's."""
    nodes = [f"{site.name}.f{feature}" for feature in site.listed_indices]
    if site.name[0] == "a":
        return [f"{node}<{channel}>" for node in nodes for channel in "qkv"]
    return [*nodes, site.error_name] if site.is_residual else nodes


def residual_receiver_gradients(
    model: Model,
    site: SiteBasis,
    record: SiteRecord,
    gradient: Tensor,
    capture: GradientCapture,
    is_scale_constant: bool,
) -> Iterator[Tensor]:
    """Each feature's gradient at the stream, then the error's, [1, batch · later · d_model].

    ``gradient``: At the stream after the site [batch, time, d_model]. They add up to it.
    """
    later = gradient[:, capture.first_changed_position :]
    active = (record.features != 0)[:, capture.first_changed_position :]
    encoder = centre_input(model, site.dictionary, site.dictionary.encoder_rows(site.listed))
    error = later.clone()
    for number, (read, write) in enumerate(zip(encoder, site.listed_decoder_rows(), strict=True)):
        through = (later @ write * active[..., number])[..., None] * read
        error -= through
        yield through.reshape(1, -1)
    yield error.reshape(1, -1)


def _encoder_covectors(site: SiteBasis, record: SiteRecord, gradient: Tensor) -> Iterator[Tensor]:
    """∂L/∂(dictionary input) through each listed feature alone, [batch, time, d_in]."""
    active = gradient * (record.features != 0)
    for number, row in enumerate(site.dictionary.encoder_rows(site.listed)):
        yield active[..., number, None] * row


def mlp_receiver_gradients(
    model: Model,
    site: SiteBasis,
    record: SiteRecord,
    gradient: Tensor,
    capture: GradientCapture,
    is_scale_constant: bool,
) -> Iterator[Tensor]:
    """Each feature's gradient at the stream that its MLP reads, [1, batch · later · d_model]."""
    stream = capture.resid_mid[site.dictionary.site.layer]
    for covector in _encoder_covectors(site, record, gradient):
        (gradient_at_stream,) = torch.autograd.grad(
            record.dictionary_input, stream, covector, retain_graph=True
        )
        yield gradient_at_stream[:, capture.first_changed_position :].reshape(1, -1)


def attention_receiver_gradients(
    model: Model,
    site: SiteBasis,
    record: SiteRecord,
    gradient: Tensor,
    capture: GradientCapture,
    is_scale_constant: bool,
) -> Iterator[Tensor]:
    """Each feature's gradient at the stream through q, k and v, [3, batch · later · d_model]."""
    layer = site.dictionary.site.layer
    weights = model.layers[layer]
    projections = (capture.q[layer], capture.k[layer], capture.v[layer])
    stream = capture.resid_pre[layer].detach()[:, capture.first_changed_position :]
    for covector in _encoder_covectors(site, record, gradient):
        gradients = torch.autograd.grad(
            record.dictionary_input, projections, covector, retain_graph=True, allow_unused=True,
            materialize_grads=True,  # queries and keys where patterns are constants
        )  # fmt: skip
        out = stream.new_empty(3, 1, stream.shape[0] * stream.shape[1], stream.shape[2])
        for channel, (head_gradient, folded) in enumerate(
            zip(gradients, (weights.q, weights.k, weights.v), strict=True)
        ):
            all_heads = folded.permute(1, 0, 2).flatten(1)[None]  # all heads as one: their gradients add up
            weights.attn_norm.vjp_heads(
                stream, head_gradient[:, :, None], all_heads, out[channel], is_scale_constant
            )
        yield out.view(3, -1)
