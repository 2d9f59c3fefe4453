"""The step that is missing before a panel can be used."""

from __future__ import annotations

from pathlib import Path

from panel_host import PanelHost

from circuitviz.panels.panel_steps import model_step
from circuitviz.workbench.requests.messages import JobFailed
from circuitviz.workbench.requests.open_document_model import OpenDocumentModel


def test_a_model_that_is_being_opened_is_said_to_be_and_is_offered_again_once_that_failed(
    idle_host: PanelHost, demo_file: Path
) -> None:
    changes: list[bool] = []
    prompts = idle_host.workspace.prompt_circuits
    prompts.opening_changed.connect(lambda: changes.append(prompts.is_opening))
    idle_host.open_document(demo_file)
    (handle,) = idle_host.submitted(OpenDocumentModel)
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "being opened" in step.text and not step.button_text
    handle.fail(JobFailed("Could not open the model", "the disk is gone"))
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "not open" in step.text and step.button_text == "Open the model"
    step.run()
    step = model_step(idle_host.workspace, "Measures")
    assert step is not None and "being opened" in step.text
    assert changes == [True, False, True]
