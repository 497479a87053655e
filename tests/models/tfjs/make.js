// Makes graph.json, whose operators are those that TensorFlow.js fuses and whose weights have 8, 16 and 32 bits, and
// layers.json, with the answers of @tensorflow/tfjs 4.22. Run in this folder; NODE_PATH leads to that package.
const tf = require("@tensorflow/tfjs"), fs = require("fs");
let seed = 7;
const random = n => Float32Array.from({length: n}, () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 1073741824 - 1);
const text = s => Buffer.from(s).toString("base64");

function npy(file, t) {
    const data = t.dataSync(), dims = t.shape;
    let head = `{'descr': '<f4', 'fortran_order': False, 'shape': (${dims.join(", ")}${dims.length == 1 ? "," : ""}), }`;
    while ((11 + head.length) % 64) head += " ";
    const size = Buffer.alloc(2);
    size.writeUInt16LE(head.length + 1);
    fs.writeFileSync(file, Buffer.concat([Buffer.from("\x93NUMPY\x01\x00", "latin1"), size, Buffer.from(head + "\n"),
                                          Buffer.from(data.buffer, data.byteOffset, data.byteLength)]));
}

function half(x) {
    const bits = new Uint32Array(Float32Array.of(x).buffer)[0], e = ((bits >> 23) & 255) - 112;
    return (bits >>> 16 & 0x8000) | (e <= 0 ? 0 : e << 10 | (bits >> 13 & 0x3ff));
}

const specs = [], bytes = [], nodes = [];
function weight(name, shape, kind, values) {
    const n = shape.reduce((a, b) => a * b, 1), dtype = values ? "int32" : "float32", spec = {name, shape, dtype};
    let data = values ? Int32Array.from(values) : random(n).map(x => x / 2);
    if (kind == "float16") {
        spec.quantization = {dtype: kind, original_dtype: dtype};
        data = Uint16Array.from(data, half);
    } else if (kind) {
        const levels = kind == "uint8" ? 255 : 65535, scale = 1 / levels;
        spec.quantization = {dtype: kind, min: -0.5, scale, original_dtype: dtype};
        data = (kind == "uint8" ? Uint8Array : Uint16Array).from(data, x => Math.round((x + 0.5) / scale));
    }
    specs.push(spec);
    bytes.push(Buffer.from(data.buffer));
    const type = dtype == "int32" ? "DT_INT32" : "DT_FLOAT";
    nodes.push({name, op: "Const", attr: {dtype: {type}, value: {tensor: {dtype: type, tensorShape: {dim: shape.map(d => ({size: "" + d}))}}}}});
    return name;
}
function node(name, op, input, attr) {
    nodes.push({name, op, input, attr: {T: {type: "DT_FLOAT"}, ...attr}});
    return name;
}
const window = {strides: {list: {i: ["1", "1", "1", "1"]}}, dilations: {list: {i: ["1", "1", "1", "1"]}}, padding: {s: text("SAME")}, data_format: {s: text("NHWC")}};
const fused = (...ops) => ({fused_ops: {list: {s: ops.map(text)}}, num_args: {i: ops.includes("Prelu") ? "2" : "1"}, epsilon: {f: 0}});

const shape = {dim: [{size: "-1"}, {size: "6"}, {size: "5"}, {size: "3"}]};
nodes.push({name: "image", op: "Placeholder", attr: {dtype: {type: "DT_FLOAT"}, shape: {shape}}});
let v = node("conv", "_FusedConv2D", ["image", weight("conv/kernel", [3, 3, 3, 4], "uint8"), weight("conv/bias", [4]), weight("conv/slope", [1, 1, 4])],
             {...window, ...fused("BiasAdd", "Prelu")});
v = node("depth", "FusedDepthwiseConv2dNative", [v, weight("depth/kernel", [3, 3, 4, 2], "float16"), weight("depth/bias", [8])], {...window, ...fused("BiasAdd", "Relu6")});
v = node("slope", "Prelu", [v, weight("slope/alpha", [8])]);
v = node("mean", "Mean", [v, weight("mean/axes", [2], null, [1, 2])], {Tidx: {type: "DT_INT32"}, keep_dims: {b: false}});
v = node("dense", "_FusedMatMul", [v, weight("dense/kernel", [8, 5], "uint16"), weight("dense/bias", [5])],
         {transpose_a: {b: false}, transpose_b: {b: false}, ...fused("BiasAdd")});
node("scores", "Softmax", [v]);
const signature = {inputs: {image: {name: "image:0", dtype: "DT_FLOAT", tensorShape: shape}},
                   outputs: {scores: {name: "scores:0", dtype: "DT_FLOAT", tensorShape: {dim: [{size: "-1"}, {size: "5"}]}}}};
const graph = {format: "graph-model", generatedBy: "2", convertedBy: null, signature, modelTopology: {node: nodes, library: {}, versions: {producer: 1}}};

function save(name, model, specs, data, x, y) {
    fs.writeFileSync(name + ".json", JSON.stringify({...model, weightsManifest: [{paths: [name + ".bin"], weights: specs}]}));
    fs.writeFileSync(name + ".bin", data);
    fs.mkdirSync(name, {recursive: true});
    npy(name + "/in_0.npy", x);
    npy(name + "/out_0.npy", y);
}

(async () => {
    await tf.setBackend("cpu");
    const x = tf.tensor(random(90), [1, 6, 5, 3]), data = Buffer.concat(bytes);
    const g = await tf.loadGraphModel({load: async () => ({...graph, weightSpecs: specs, weightData: new Uint8Array(data).buffer})});
    save("graph", graph, specs, data, x, g.execute(x));
    const m = tf.sequential({name: "small", layers: [
        tf.layers.conv2d({inputShape: [6, 5, 3], filters: 4, kernelSize: 3, activation: "relu", name: "conv"}),
        tf.layers.batchNormalization({name: "norm"}), tf.layers.globalAveragePooling2d({name: "mean"}),
        tf.layers.dense({units: 5, activation: "softmax", name: "dense"})]});
    m.setWeights(m.getWeights().map(w => tf.tensor(random(w.size).map(v => Math.abs(v) + (w.shape.length > 1 ? -0.5 : 0.1)), w.shape)));
    await m.save({save: async a => {
        save("layers", {format: "layers-model", generatedBy: a.generatedBy, convertedBy: null, modelTopology: a.modelTopology},
             a.weightSpecs, Buffer.from(a.weightData), x, m.predict(x));
        return {modelArtifactsInfo: {dateSaved: new Date(0), modelTopologyType: "JSON"}};
    }});
})();
