#include <stdlib.h>

#include "../../test.h"
#include "base/hash.h"
#include "task/recipe.h"

/* Settings as exporters write them, cut down to what counts, and the recipe. */
static const char *const files[][2] = {
    {"{\"do_normalize\": true, \"do_rescale\": true, \"do_resize\": true, \"image_mean\": [0.5, 0.5, 0.5],"
     "\"image_processor_type\": \"ViTImageProcessor\", \"image_std\": [0.5, 0.25, 0.5], \"resample\": 2,"
     "\"rescale_factor\": 0.00392156862745098, \"size\": {\"height\": 224, \"width\": 192}}",
     "resize=192x224,rgb,scale=0.003921569,mean=0.5:0.5:0.5,std=0.5:0.25:0.5"},
    {"{\"crop_size\": 224, \"do_center_crop\": true, \"do_normalize\": true, \"do_resize\": true,"
     "\"feature_extractor_type\": \"CLIPFeatureExtractor\", \"image_mean\": [0.48, 0.45, 0.4], \"image_std\": [1, 2, "
     "3],"
     "\"resample\": 3, \"size\": 256}",
     "resize=256:down,crop=224,filter=bicubic,rgb,scale=0.003921569,mean=0.48:0.45:0.4,std=1:2:3"},
    {"{\"do_resize\": true, \"do_center_crop\": true, \"size\": {\"shortest_edge\": 300}, \"do_rescale\": true,"
     "\"crop_size\": {\"height\": 200, \"width\": 256}, \"do_flip_channel_order\": true, \"do_normalize\": false}",
     "resize=300:down,crop=256x200,bgr,scale=0.003921569"},
    {"{\"size\": 384, \"do_normalize\": true, \"image_mean\": [0.5], \"image_std\": [0.5], \"do_rescale\": false}",
     "resize=384x384,rgb,mean=0.5,std=0.5"},
    {"{\"do_resize\": true, \"size\": {\"shortest_edge\": 800, \"longest_edge\": 1333}, \"do_rescale\": false}",
     "resize=edges:800x1333,rgb"},
    {"{\"architecture\": \"resnet50\", \"pretrained_cfg\": {\"input_size\": [3, 224, 224], \"interpolation\": "
     "\"bicubic\","
     "\"crop_pct\": 0.95, \"crop_mode\": \"center\", \"mean\": [0.485, 0.456, 0.406], \"std\": [0.229, 0.224, 0.225]}}",
     "torchvision,resize=235,crop=224,filter=bicubic,rgb,scale=0.003921569,mean=0.485:0.456:0.406,std=0.229:0.224:0."
     "225"},
    {"{\"input_size\": [3, 256, 256], \"crop_pct\": 1.0, \"crop_mode\": \"squash\", \"mean\": [0, 0, 0], \"std\": [1, "
     "1, 1]}",
     "torchvision,resize=256x256,crop=256,rgb,scale=0.003921569,mean=0:0:0,std=1:1:1"},
    {"{\"input_size\": [3, 448, 224], \"crop_pct\": 0.5, \"mean\": [0.5, 0.5, 0.5], \"std\": [1, 1, 1]}",
     "torchvision,resize=cover:448x896:near,crop=224x448,rgb,scale=0.003921569,mean=0.5:0.5:0.5,std=1:1:1"},
    {"{\"input_size\": [3, 512, 512], \"crop_pct\": 1.15, \"mean\": [0, 0, 0], \"std\": [1, 1, 1]}",
     "torchvision,resize=445,crop=512,rgb,scale=0.003921569,mean=0:0:0,std=1:1:1"},
    {"{\"input_size\": [3, 96, 96], \"crop_pct\": 1, \"crop_mode\": \"border\", \"mean\": [0.485, 0, 1], \"std\": [1, "
     "1, "
     "1]}",
     "torchvision,resize=fit:96x96:near,pad=96x96:124:0:255,crop=96,rgb,scale=0.003921569,mean=0.485:0:1,std=1:1:1"},
    {"{\"model_cfg\": {}, \"preprocess_cfg\": {\"size\": [256, 256], \"mode\": \"RGB\", \"mean\": [0.5, 0.5, 0.5], "
     "\"std\": "
     "[0.5, 0.5, 0.5], \"interpolation\": \"bicubic\", \"resize_mode\": \"squash\"}}",
     "torchvision,resize=256x256,crop=256,filter=bicubic,rgb,scale=0.003921569,mean=0.5:0.5:0.5,std=0.5:0.5:0.5"},
    {"{\"preprocess_cfg\": {\"size\": 224, \"mean\": [0, 0, 0], \"std\": [1, 1, 1], \"resize_mode\": \"longest\"}}",
     "torchvision,resize=fit:224x224:near,pad=224x224,crop=224,filter=bicubic,rgb,scale=0.003921569,mean=0:0:0,std=1:1:"
     "1"},
    {"{\"model_cfg\": {\"vision_cfg\": {\"image_size\": 336}}, \"preprocess_cfg\": {\"mean\": [0.5], \"std\": [0.25]}}",
     "torchvision,resize=336,crop=336,filter=bicubic,rgb,scale=0.003921569,mean=0.5,std=0.25"},
    {"{\"crop_size\": 256, \"do_center_crop\": true, \"do_flip_channels\": true, \"do_resize\": true, "
     "\"feature_extractor_type\": \"MobileViTFeatureExtractor\", \"resample\": 2, \"size\": 288}",
     "resize=288:down,crop=256,bgr,scale=0.003921569"},
    {"{\"do_align_long_axis\": false, \"do_normalize\": false, \"do_pad\": true, \"do_resize\": true, "
     "\"do_thumbnail\": true,"
     "\"image_processor_type\": \"DonutFeatureExtractor\", \"resample\": 2, \"size\": [1920, 2560]}",
     "resize=1920:down,resize=fit:1920x2560:down:again,pad=1920x2560,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"ViltImageProcessor\", \"do_normalize\": false, \"do_pad\": true, \"do_resize\": "
     "true, "
     "\"resample\": 3, \"size\": {\"shortest_edge\": 384}, \"size_divisor\": 32}",
     "resize=edges:384x639:near,resize=multiple:32:down,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"do_center_crop\": true, \"do_normalize\": false, \"do_resize\": true, \"feature_extractor_type\": "
     "\"LevitFeatureExtractor\", \"resample\": 3, \"size\": 224}",
     "resize=256:down,crop=224,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"crop_pct\": 0.9, \"do_normalize\": false, \"do_resize_and_center_crop\": true, \"feature_extractor_type\": "
     "\"PoolFormerFeatureExtractor\", \"resample\": 3, \"size\": 224}",
     "resize=248:down,crop=224,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"DPTImageProcessor\", \"do_resize\": true, \"keep_aspect_ratio\": true, \"do_pad\": "
     "false,"
     "\"ensure_multiple_of\": 14, \"size\": {\"height\": 518, \"width\": 518}, \"resample\": 3, \"size_divisor\": null,"
     "\"do_normalize\": false}",
     "resize=closest:518x518x14:near,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"DINOv3ViTImageProcessorFast\", \"do_resize\": true, \"size\": {\"height\": 224, "
     "\"width\": 224}, \"resample\": 2, \"do_normalize\": false}",
     "tensorflow,resize=224x224,antialias,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"DepthProImageProcessor\", \"do_resize\": true, \"size\": {\"height\": 1536, "
     "\"width\": 1536}, \"resample\": 2, \"do_normalize\": false}",
     "tensorflow,resize=1536x1536,rgb,scale=0.003921569"},
    {"{\"feature_extractor_type\": \"DeiTFeatureExtractor\", \"do_resize\": true, \"size\": 256, \"do_center_crop\": "
     "true, \"crop_size\": 224, \"do_normalize\": false}",
     "resize=256x256,crop=224,rgb,scale=0.003921569"},
    {"{\"feature_extractor_type\": \"OwlViTFeatureExtractor\", \"do_resize\": true, \"size\": [600, 700], "
     "\"do_normalize\": false}",
     "resize=700x600,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"BlipImageProcessor\", \"do_resize\": true, \"size\": {\"height\": 384, \"width\": "
     "384}, \"do_pad\": true, \"size_divisor\": 32, \"do_normalize\": false}",
     "resize=384x384,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"CLIPImageProcessorFast\", \"do_resize\": true, \"size\": {\"shortest_edge\": 224},"
     "\"resample\": 3, \"do_center_crop\": true, \"crop_size\": {\"height\": 224, \"width\": 224}, \"do_normalize\": "
     "false}",
     "torch,resize=224:down,crop=224:down,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"do_resize\": true, \"size\": {\"shortest_edge\": 224},"
     "\"crop_pct\": 0.875, \"do_normalize\": false}",
     "resize=256:down,crop=224:down,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"ConvNextImageProcessor\", \"do_resize\": true, \"size\": {\"shortest_edge\": 384},"
     "\"do_normalize\": false}",
     "resize=384x384,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"EomtImageProcessor\", \"do_resize\": true, \"do_pad\": true, \"do_split_image\": "
     "false,"
     "\"size\": {\"shortest_edge\": 480, \"longest_edge\": 640}, \"resample\": 2}",
     "resize=edges:480x640,pad=640x480:corner,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"DetrImageProcessor\", \"do_resize\": true, \"do_pad\": true, \"pad_size\": null,"
     "\"size\": {\"shortest_edge\": 800, \"longest_edge\": 1333}, \"image_mean\": [0.5], \"image_std\": [0.5]}",
     "resize=edges:800x1333,rgb,scale=0.003921569,mean=0.5,std=0.5"},
    {"{\"image_processor_type\": \"BridgeTowerImageProcessor\", \"size\": {\"shortest_edge\": 288}, \"do_resize\": "
     "true, "
     "\"size_divisor\": 32, \"do_center_crop\": true, \"crop_size\": {\"shortest_edge\": 288}, \"do_pad\": true}",
     "resize=edges:288x479:near,resize=multiple:32:down,crop=288,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"PerceiverImageProcessorFast\", \"size\": {\"height\": 224, \"width\": 224}, "
     "\"crop_size\": {\"height\": 256, \"width\": 256}, \"do_resize\": true, \"resample\": 3}",
     "torch,crop=part:224x256:down,resize=224x224,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"Swin2SRImageProcessor\", \"do_rescale\": true, \"do_pad\": true, \"pad_size\": 8}",
     "pad=over:8:corner:mirror,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"ZoeDepthImageProcessor\", \"do_resize\": true, \"do_pad\": true, "
     "\"keep_aspect_ratio\": true, \"ensure_multiple_of\": 32, \"size\": {\"height\": 384, \"width\": 512}}",
     "tensorflow,pad=root:3:reflect,resize=closest:512x384x32:near,grid=corners,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"PPOCRV5ServerDetImageProcessor\", \"do_resize\": true, \"limit_type\": \"max\", "
     "\"limit_side_len\": 960, \"max_side_limit\": 4000, \"size\": {\"height\": 960, \"width\": 960}, "
     "\"image_mean\": [0.1, 0.2, 0.3], \"image_std\": [1, 2, 3]}",
     "tensorflow,resize=max:960:down,resize=max:4000:down,resize=multiple:32:near,antialias,bgr,scale=0.003921569,"
     "mean=0.3:0.2:0.1,std=3:2:1"},
    {"{\"image_processor_type\": \"PPOCRV6SmallRecImageProcessor\", \"do_resize\": true, \"do_pad\": true, "
     "\"size\": {\"height\": 48, \"width\": 320}, \"pad_size\": {\"height\": 48, \"width\": 320}}",
     "opencv,resize=height:48:up,resize=clamp:3200x48,bgr,scale=0.003921569,pad=320x48:corner"},
    {"{\"image_processor_type\": \"PPLCNetImageProcessor\", \"do_resize\": true, \"resize_short\": 256, "
     "\"size_divisor\": 1, \"do_center_crop\": true, \"crop_size\": 224}",
     "torch,resize=256:near,crop=224:down,bgr,scale=0.003921569"},
    {"{\"image_processor_type\": \"SLANeXtImageProcessor\", \"do_resize\": true, \"do_pad\": true, "
     "\"size\": {\"height\": 512, \"width\": 512}, \"pad_size\": {\"height\": 512, \"width\": 512}}",
     "opencv,resize=long:512:near,rgb,scale=0.003921569,pad=512x512:corner"},
    {"{\"image_processor_type\": \"PPDocLayoutV3ImageProcessor\", \"do_resize\": true, \"size\": {\"height\": 800, "
     "\"width\": 800}, \"resample\": 3}",
     "opencv,resize=800x800,filter=bicubic,rgb,scale=0.003921569"},
    {"{\"image_processor_type\": \"SamImageProcessor\", \"do_resize\": true, \"do_pad\": true, \"do_normalize\": false,"
     "\"size\": {\"longest_edge\": 1024}, \"pad_size\": {\"height\": 1024, \"width\": 1024}}",
     "resize=edges:1024x1024:near,rgb,scale=0.003921569,pad=1024x1024:corner"},
    {"{\"image_processor_type\": \"EfficientNetImageProcessor\", \"size\": {\"height\": 346, \"width\": 346},"
     "\"rescale_offset\": true, \"rescale_factor\": 0.00784313725, \"image_mean\": [0.5], \"image_std\": [0.25]}",
     "resize=346x346,rgb,scale=0.007843137,mean=1,mean=0.5,std=0.25,std=0.25"},
    {"PreProcess:\n  transform_ops:\n  - DecodeImage:\n      channel_first: false\n      img_mode: BGR\n"
     "  - DetLabelEncode: null\n  - DetResizeForTest:\n      resize_long: 960\n  - NormalizeImage:\n"
     "      mean:\n      - 0.485\n      - 0.456\n      - 0.406\n      order: hwc\n      scale: 1./255.\n"
     "      std:\n      - 0.229\n      - 0.224\n      - 0.225\n  - ToCHWImage: null\n  - KeepKeys:\n      keep_keys:\n"
     "      - image\nPostProcess:\n  name: DBPostProcess\n",
     "opencv,resize=long:960:down,resize=multiple:128:up,bgr,scale=0.003921569,mean=0.485:0.456:0.406,std=0.229:0.224:"
     "0."
     "225"},
    {"PreProcess:\n  transform_ops:\n  - DecodeImage: {img_mode: BGR}\n  - DetResizeForTest:\n  - ToCHWImage:\n",
     "opencv,resize=min:736:down,resize=multiple:32,bgr"},
    {"PreProcess:\n  transform_ops:\n  - DecodeImage:\n      img_mode: BGR\n  - RecResizeImg:\n      image_shape:\n"
     "      - 3\n      - 48\n      - 320\nPostProcess:\n  character_dict:\n  - '!'\n  - ''''\n",
     "opencv,resize=height:48:up,bgr,mean=127.5,std=127.5,pad=320x48:corner"},
    {"Global: {infer_imgs: x}\nPreProcess:\n  transform_ops:\n    - ResizeImage:\n        resize_short: 256\n"
     "    - CropImage:\n        size: 224\n    - NormalizeImage:\n        scale: 0.00392157\n"
     "        mean: [0.485, 0.456, 0.406]\n        std: [0.229, 0.224, 0.225]\n        order: ''\n    - ToCHWImage:\n",
     "opencv,resize=256,crop=224,rgb,scale=0.00392157,mean=0.485:0.456:0.406,std=0.229:0.224:0.225"},
    {"mode: paddle\narch: PicoDet\nPreprocess:\n- interp: 2\n  keep_ratio: false\n  target_size:\n  - 320\n  - 416\n"
     "  type: Resize\n- is_scale: true\n  mean: [0, 0, 0]\n  std: [1, 1, 1]\n  norm_type: none\n  type: "
     "NormalizeImage\n"
     "- type: Permute\n- stride: 32\n  type: PadStride\n",
     "opencv,resize=416x320,filter=bicubic,rgb,scale=0.003921569,pad=multiple:32:corner"},
    {"arch: YOLO\nPreprocess:\n- {keep_ratio: true, interp: 1, target_size: [640, 512], type: Resize}\n"
     "- {fill_value: [114.0, 0.0, 7.0], size: [640, 512], type: Pad}\n- {type: Permute}\n",
     "opencv,resize=edges:512x640,pad=512x640:114:0:7:corner,rgb"},
    {"PreProcess:\n  transform_ops:\n  - DecodeImage: {img_mode: BGR}\n  - TableLabelEncode: {learn_empty_box: false}\n"
     "  - ResizeTableImage: {max_len: 488}\n  - NormalizeImage: {scale: 1./255., mean: [0.5], std: [0.5]}\n"
     "  - PaddingTableImage: {size: [488, 400]}\n  - ToCHWImage:\n",
     "opencv,resize=fit:488x488:down,bgr,scale=0.003921569,mean=0.5,std=0.5,pad=400x488:corner"},
    {"Deploy:\n  model: model.pdmodel\n  transforms:\n  - type: Resize\n    target_size: [512, 256]\n  - type: "
     "Normalize\n",
     "opencv,resize=512x256,rgb,scale=0.003921569,mean=0.5,std=0.5"},
};

static void known_files(void)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct recipe r;
        struct error err;
        struct text t;
        text_init(&t);
        int failed = recipe_import(files[i][0], strlen(files[i][0]), NULL, &r, &err);
        CHECK_MSG(!failed, "%s: %s", files[i][0], failed ? err.text : "");
        if (!failed)
            recipe_print(&r, &t);
        CHECK_STR(t.data ? t.data : "", files[i][1]);
        text_release(&t);
    }
}

static void refused(void)
{
    static const char *const bad[][2] = {
        {"[1]", "preprocessor_config.json"},
        {"{\"model_type\": \"bert\"}", "preprocessor_config.json"},
        {"{\"do_resize\": true}", "size"},
        {"{\"do_resize\": true, \"size\": -4}", "size"},
        {"{\"do_resize\": true, \"size\": {\"height\": 3}}", "size"},
        {"{\"do_resize\": true, \"size\": 4, \"resample\": 9}", "resample"},
        {"{\"do_rescale\": true, \"crop_pct\": 0.875}", "crop_pct"},
        {"{\"do_rescale\": true, \"do_pad\": true}", "do_pad"},
        {"{\"do_rescale\": true, \"do_thumbnail\": true}", "do_thumbnail"},
        {"{\"image_processor_type\": \"PerceiverImageProcessor\", \"size\": 4, \"do_resize\": true}", "crop_size"},
        {"{\"image_processor_type\": \"PPOCRV5ServerDetImageProcessor\", \"do_resize\": true, \"limit_type\": \"x\"}",
         "limit_type"},
        {"Preprocess:\n- type: WarpAffine\n", "WarpAffine: not known"},
        {"Preprocess:\n- 3\n", "want an object"},
        {"Preprocess:\n- type: Resize\n", "want target_size"},
        {"Preprocess:\n- type: NormalizeImage\n  scale: 1/0\n", "want a number, or a quotient"},
        {"Preprocess:\n- type: NormalizeImage\n  scale: x\n", "want a number, or a quotient"},
        {"Preprocess: [{DetResizeForTest: {limit_type: most}}]", "limit_type"},
        {"a: *b", "YAML"},
        {"{\"image_mean\": [1, 2], \"image_std\": [1, 2]}", "2 values"},
        {"{\"image_mean\": [1, \"a\", 3], \"image_std\": 1}", "numbers"},
        {"{\"image_mean\": 1}", "0 values"},
        {"{\"image_processor_type\": \"PPLCNetImageProcessor\", \"image_mean\": [1, \"a\", 3], \"image_std\": 1}",
         "numbers"},
        {"{\"image_processor_type\": \"PPLCNetImageProcessor\", \"image_mean\": [1, 2, 3, 4, 5], \"image_std\": 1}",
         "4 values"},
        {"{\"image_mean\": 1, \"image_std\": 0}", "none of them 0"},
        {"{\"input_size\": [3, 4], \"mean\": 1, \"std\": 1}", "want 3 numbers"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"crop_pct\": 0}", "crop_pct"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"crop_mode\": \"other\"}", "crop_mode"},
        {"{\"preprocess_cfg\": {\"size\": [4], \"mean\": 1, \"std\": 1}}", "size: want"},
        {"{\"image_processor_type\": \"Cohere2VisionImageProcessorFast\", \"size\": {\"height\": 512, \"width\": 512}, "
         "\"do_resize\": true, \"crop_to_patches\": true}",
         "crop_to_patches in a preprocessor"},
        {"{\"feature_extractor_type\": \"ImageGPTFeatureExtractor\", \"do_normalize\": true, \"clusters\": [[1, 1, "
         "1]]}",
         "clusters in a preprocessor"},
        {"", "is empty"},
        {"{\"input_size\": [3, 4, 4], \"mean\": 1, \"std\": 1, \"interpolation\": \"random\"}", "filter=random"},
        {"do_resize: true", "size"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct recipe r;
        struct error err;
        CHECK_MSG(recipe_import(bad[i][0], strlen(bad[i][0]), NULL, &r, &err) == -1, "%s", bad[i][0]);
        CHECK_MSG(strstr(err.text, bad[i][1]), "%s: %s", bad[i][0], err.text);
    }
}

/* RapidOCR has the settings of three networks in one file. */
static void parts(void)
{
    static const char text[] = "Global:\n  width_height_ratio: 8\n  min_height: 30\n  max_side_len: 2000\nDet:\n  "
                               "limit_side_len: 640\n  limit_type: max\n"
                               "  std: [ 0.5, 0.5, 0.5 ]\n  mean: [ 0.4, 0.5, 0.5 ]\n"
                               "Cls:\n  cls_image_shape: [3, 48, 192]\nRec:\n  rec_img_shape: [3, 48, 320]\n";
    static const char *const want[][2] = {
        {"Det", "opencv,resize=within:2000x32,pad=wide:8x30,resize=max:640:down:again,resize=multiple:32,bgr,"
                "scale=0.003921569,mean=0.4:0.5:0.5,std=0.5:0.5:0.5"},
        {"Cls", "opencv,resize=height:48:up,resize=clamp:192x48,bgr,mean=127.5,std=127.5,pad=192x48:corner"},
        {"Rec", "opencv,resize=height:48:up,bgr,mean=127.5,std=127.5,pad=320x48:corner"}};
    struct recipe r;
    struct error err;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        struct text t;
        text_init(&t);
        CHECK_MSG(recipe_import(text, sizeof text - 1, want[i][0], &r, &err) == 0, "%s", err.text);
        recipe_print(&r, &t);
        CHECK_STR(t.data, want[i][1]);
        text_release(&t);
    }
    CHECK(recipe_import(text, sizeof text - 1, NULL, &r, &err) == -1 && strstr(err.text, "FILE:Det"));
    CHECK(recipe_import(text, sizeof text - 1, "det", &r, &err) == -1 && strstr(err.text, "has no 'det'"));
    CHECK(recipe_import(text, sizeof text - 1, "Global", &r, &err) == -1 && strstr(err.text, "RapidOCR"));
    CHECK(recipe_import("[1]", 3, "Det", &r, &err) == -1 && strstr(err.text, "has no 'Det'"));
}

static void mutated(void)
{
    uint64_t state = 3;
    char copy[1000];
    for (int round = 0; round < 5000; round++) {
        const char *text = files[hash_random(&state) % (sizeof files / sizeof *files)][0];
        size_t n = strlen(text);
        struct recipe r;
        struct error err;
        memcpy(copy, text, n);
        for (int k = hash_random(&state) % 3; k >= 0; k--)
            copy[hash_random(&state) % n] = "{}[]\",:0129-e. tn\n"[hash_random(&state) % 18];
        if (recipe_import(copy, n, NULL, &r, &err))
            CHECK(err.text[0] && !strchr(err.text, '\n'));
    }
}

int main(void)
{
    RUN(known_files);
    RUN(refused);
    RUN(parts);
    RUN(mutated);
    return TEST_END();
}
