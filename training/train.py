#!/usr/bin/python3
"""Trains the demonstration models and exports them to ONNX (opset 13).

usage: train.py FAMILY DATA_FOLDER OUT_FOLDER [VARIANT ...]

Reads the shards that export-samples.ts wrote, writes OUT_FOLDER/FAMILY/VARIANT.onnx and VARIANT.json (parameters, MACs).
With REUSE=1 in the environment, weights that OUT_FOLDER already holds are exported again instead of trained.
Why the heavier variants are better: they look at the full resolution, they are wider, and they average their answer over
views of the input that must not change it (mirrored parts, inverted signals).
"""
import json
import os
import sys
import time

import numpy as np
import onnx
import torch
import torch.nn as nn
import torch.nn.functional as F

from families import FAMILIES

SEED = 7
BATCH = 64
TRAIN_SEEDS = (1001, 1002, 1003, 1004)
VALIDATION_SEED = 1999


def load(folder, family, seeds, shape):
    """Images become bytes: the generator emits 256 grey levels, so nothing is lost and four times more fits in memory."""
    inputs, answers = [], []
    for seed in seeds:
        name = os.path.join(folder, f'{family}-{seed}')
        if not os.path.exists(name + '.y.f32'):
            continue
        answer = np.fromfile(name + '.y.f32', '<f4')
        data = np.memmap(name + '.x.f32', '<f4', 'r').reshape((len(answer),) + shape)
        if len(shape) == 3:
            data = np.concatenate([np.rint(part * 255).astype(np.uint8) for part in np.array_split(data, 16)])
        if os.path.exists(name + '.map.f32'):
            maps = np.fromfile(name + '.map.f32', '<f4').reshape(len(answer), -1)
            answer = np.concatenate([answer[:, None], maps], 1)
        inputs.append(torch.from_numpy(np.array(data)))
        answers.append(torch.from_numpy(answer))
    return torch.cat(inputs), torch.cat(answers)


def as_input(rows):
    return rows.float() / 255 if rows.dtype == torch.uint8 else rows


def accuracy(family, model, inputs, answers):
    model.eval()
    right = 0
    with torch.no_grad():
        for start in range(0, len(inputs), 250):
            output = model(as_input(inputs[start:start + 250]))
            right += family.right(output, answers[start:start + 250]).sum().item()
    return right / len(inputs)


def train(family, name, train_set, validation_set, weights, log):
    torch.manual_seed(SEED)
    net = family.make_net(name)
    if os.environ.get('REUSE') and os.path.exists(weights):
        net.load_state_dict(torch.load(weights))
        return net
    inputs, answers = train_set
    recipe = family.recipes[name]
    steps = int(recipe.epochs * len(inputs) / BATCH)
    optimizer = torch.optim.AdamW(net.parameters(), lr=recipe.rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, recipe.rate, total_steps=steps + 1, pct_start=0.2)
    order, started, running = [], time.time(), 0.0
    for step in range(steps):
        if len(order) < BATCH:
            order = torch.randperm(len(inputs)).tolist()
        rows = [order.pop() for _ in range(BATCH)]
        net.train()
        batch, truth = family.augment(as_input(inputs[rows]), answers[rows])
        loss = family.loss(net(batch), truth)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        running = loss.item() if step == 0 else 0.98 * running + 0.02 * loss.item()
        if step % 100 == 99:
            seconds = time.time() - started
            log(f'{name} step {step + 1}/{steps} loss {running:.4f} {seconds:.0f} s')
            if step % 400 == 399:
                log(f'{name} plain accuracy {accuracy(family, family.finish(net, 1), validation_set[0][:1000], validation_set[1][:1000]):.4f}')
    torch.save(net.state_dict(), weights)
    return net


def count_cost(model, shape):
    """Multiply-accumulates of one inference (convolutions and matrix products) and the number of trained parameters."""
    macs = []

    def count(module, _, output):
        if isinstance(module, nn.Conv2d):
            positions = output.shape[0] * output.shape[2] * output.shape[3]
            macs.append(positions * module.weight.numel())
        elif isinstance(module, nn.Linear):
            macs.append(output.shape[0] * module.weight.numel())

    hooks = [module.register_forward_hook(count) for module in model.modules()]
    with torch.no_grad():
        model(torch.zeros((1,) + shape))
    for hook in hooks:
        hook.remove()
    return sum(parameter.numel() for parameter in model.parameters()), sum(macs)


def export(family, model, name, folder):
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, name + '.onnx')
    model.eval()
    example = torch.rand((2,) + family.shape)
    torch.onnx.export(model, example, path, opset_version=13, input_names=[family.input_name],
                      output_names=[family.output_name], do_constant_folding=True,
                      dynamic_axes={family.input_name: {0: 'batch'}, family.output_name: {0: 'batch'}})
    graph = onnx.load(path)
    graph.ir_version = min(graph.ir_version, 8)
    # Shape inference invents names for the output's dimensions; readers look for `batch` and a number.
    batch, answers = graph.graph.output[0].type.tensor_type.shape.dim
    batch.dim_param, answers.dim_value = 'batch', model(example).shape[1]
    graph.producer_name, graph.producer_version = 'ecomap-training', '1'
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
    parameters, macs = count_cost(model, family.shape)
    with open(os.path.join(folder, name + '.json'), 'w') as file:
        json.dump({'parameters': parameters, 'macs': macs}, file)
    return parameters, macs, os.path.getsize(path)


def main():
    family_name, data_folder, out_folder, *names = sys.argv[1:]
    torch.set_num_threads(int(os.environ.get('TRAIN_THREADS', '1')))
    torch.set_flush_denormal(True)
    family = FAMILIES[family_name]
    started = time.time()

    def log(text):
        print(f'[{family_name} {time.time() - started:6.0f} s] {text}', flush=True)

    os.makedirs(out_folder, exist_ok=True)
    train_set = load(data_folder, family_name, TRAIN_SEEDS, family.shape)
    validation_set = load(data_folder, family_name, (VALIDATION_SEED,), family.shape)
    log(f'{len(train_set[0])} training samples, {len(validation_set[0])} for validation')
    for name in names or family.recipes:
        weights = os.path.join(out_folder, f'{family_name}-{name}.pt')
        net = train(family, name, train_set, validation_set, weights, log)
        plain = accuracy(family, family.finish(net, 1), *validation_set)
        model = family.finish(net, family.recipes[name].views)
        parameters, macs, size = export(family, model, name, os.path.join(out_folder, family_name))
        whole = accuracy(family, model, validation_set[0][:250], validation_set[1][:250])
        log(f'{name} DONE accuracy {whole:.4f} (one view {plain:.4f}), '
            f'{parameters} parameters, {macs / 1e6:.1f} MMAC, {size} bytes')


if __name__ == '__main__':
    main()
